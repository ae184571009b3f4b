/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "core/quota.h"
#include "core/unit.h"
#include "wire/client_auth.h"
#include "wire/config_keys.h"
#include "wire/preset.h"
#include "wire/url.h"
#include "wire/value.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* Within a string literal: the number that a macro stands for. */
#define TEXT_OF_(number) #number
#define TEXT_OF(number)  TEXT_OF_(number)

/* What is in a field, and how it gets there and away. */
struct config_kind {
        int (*read)(const struct config_key *key, struct slice value, void *field);
        int (*init)(void *field);    /* NULL: nothing to do */
        void (*deinit)(void *field); /* NULL: nothing to do */
};

static int text_set(void *field, struct slice value) {
        char **text = field;
        char *copy = strndup(value.data, value.size);

        if (!copy)
                return -ENOMEM;
        free(*text);
        *text = copy;
        return 0;
}

static int text_init(void *field) {
        return text_set(field, SLICE(""));
}

static void text_deinit(void *field) {
        free(*(char **)field);
}

static int text_read(const struct config_key *key, struct slice value, void *field) {
        return key->is_valid(value) ? text_set(field, value) : -EINVAL;
}

/* The words are in one piece of memory with the pointers to them. */
static int list_set(void *field, struct slice value, size_t n) {
        struct config_list *list = field;
        char **words = malloc((n + 1) * sizeof *words + value.size + 1);
        struct slice word;
        char *end;

        if (!words)
                return -ENOMEM;
        end = (char *)(words + n + 1);
        for (size_t i = 0; i < n && value_next_word(&value, &word); i++) {
                words[i] = end;
                end = mempcpy(end, word.data, word.size);
                *end++ = 0;
        }
        words[n] = NULL;
        free(list->words);
        *list = (struct config_list){words, n};
        return 0;
}

static int list_init(void *field) {
        return list_set(field, SLICE(""), 0);
}

static void list_deinit(void *field) {
        free(((struct config_list *)field)->words);
}

static int list_read(const struct config_key *key, struct slice value, void *field) {
        struct slice rest = value, word;
        size_t n = 0;

        for (; value_next_word(&rest, &word); n++)
                if (n == CONFIG_LIST_MAX || !key->is_valid(word))
                        return -EINVAL;
        return n > 0 ? list_set(field, value, n) : -EINVAL;
}

/* Adds to those that are there. */
static int line_read(const struct config_key *key, struct slice value, void *field) {
        struct config_list *list = field;
        struct config_list longer = {.n = list->n + 1};
        size_t size = value.size + 1;
        char *end;

        if (list->n == CONFIG_LINES_MAX || !key->is_valid(value))
                return -EINVAL;
        for (size_t i = 0; i < list->n; i++)
                size += strlen(list->words[i]) + 1;
        longer.words = malloc((longer.n + 1) * sizeof *longer.words + size);
        if (!longer.words)
                return -ENOMEM;
        end = (char *)(longer.words + longer.n + 1);
        for (size_t i = 0; i < list->n; i++) {
                longer.words[i] = end;
                end = stpcpy(end, list->words[i]) + 1;
        }
        longer.words[list->n] = memcpy(end, value.data, value.size);
        end[value.size] = 0;
        longer.words[longer.n] = NULL;
        free(list->words);
        *list = longer;
        return 0;
}

static uint64_t time_of(const char *text) {
        uint64_t value = 0;

        (void)value_time(slice_of(text), &value);
        return value;
}

static int time_read(const struct config_key *key, struct slice value, void *field) {
        uint64_t time;
        int r = value_time(value, &time);

        if (r < 0)
                return r;
        if (time < time_of(key->from) || time > time_of(key->to))
                return -ERANGE;
        *(uint64_t *)field = time;
        return 0;
}

static int number_read(const struct config_key *key, struct slice value, void *field) {
        uint64_t from, to, number;
        int r;

        if (decimal_parse(slice_of(key->from), UINT32_MAX, &from) < 0 ||
            decimal_parse(slice_of(key->to), UINT32_MAX, &to) < 0)
                return -EINVAL;
        r = decimal_parse(value, to, &number);
        if (r < 0)
                return r;
        if (number < from)
                return -ERANGE;
        *(unsigned *)field = (unsigned)number;
        return 0;
}

static int boolean_read(const struct config_key *key, struct slice value, void *field) {
        return value_boolean(value, field);
}

static int mode_read(const struct config_key *key, struct slice value, void *field) {
        return value_mode(value, field);
}

static int word_read(const struct config_key *key, struct slice value, void *field) {
        for (unsigned i = 0; key->words[i]; i++) {
                if (!slice_is(value, key->words[i]))
                        continue;
                *(unsigned *)field = i;
                return 0;
        }
        return -EINVAL;
}

/* A provider has no field: it is other settings, which those that are written beat. */
static int provider_read(const struct config_key *key, struct slice value, void *field) {
        return key->is_valid(value) ? 0 : -EINVAL;
}

static const struct config_kind boolean_kind = {boolean_read, NULL, NULL};
static const struct config_kind list_kind = {list_read, list_init, list_deinit};
static const struct config_kind line_kind = {line_read, list_init, list_deinit};
static const struct config_kind mode_kind = {mode_read, NULL, NULL};
static const struct config_kind number_kind = {number_read, NULL, NULL};
static const struct config_kind provider_kind = {provider_read, NULL, NULL};
static const struct config_kind text_kind = {text_read, text_init, text_deinit};
static const struct config_kind time_kind = {time_read, NULL, NULL};
static const struct config_kind word_kind = {word_read, NULL, NULL};

/* clang-format off */
static const char *const audit_words[] = {
        [CONFIG_AUDIT_NONE]  = "none",
        [CONFIG_AUDIT_FIRST] = "first",
        [CONFIG_AUDIT_ALL]   = "all",
        NULL,
};

static const char *const encoding_words[] = {
        [CONFIG_BASIC_RFC6749] = "rfc6749",
        [CONFIG_BASIC_RAW]     = "raw",
        NULL,
};

static const char *const http_version_words[] = {
        [CONFIG_HTTP_1_1] = "1.1",
        [CONFIG_HTTP_2]   = "2",
        NULL,
};
/* clang-format on */

_Static_assert(sizeof(enum client_auth) == sizeof(unsigned), "word_read() writes one");

static bool is_provider(struct slice value) {
        return preset_find(value) != NULL;
}

/* The client secret goes there: never in the clear, but for what stays on this host. */
static bool is_token_url(struct slice value) {
        struct url url;

        return url_parse(value, &url) == 0 && (url.is_https || url.is_loopback);
}

static bool is_proxy(struct slice value) {
        struct url url;

        return url_parse(value, &url) == 0 && url.port > 0 && url.path.size == 0;
}

/* clang-format off */
#define IN_TOKEN(member) offsetof(struct config_token, member)
#define IN_TERMS(member) offsetof(struct config_token, terms.member)
#define IN_CONFIG(member) offsetof(struct config, member)

#define TEXT(check, what) &text_kind, .is_valid = (check), .expects = what
#define LIST(check, what) &list_kind, .is_valid = (check), .expects = what
#define LINES(check, what) &line_kind, .is_valid = (check), .expects = what
#define TIME(least, most) &time_kind, .from = least, .to = most, \
        .expects = "a time from " least " to " most ", such as 90s, 5min or 1h 30min"
#define NUMBER(least, most) &number_kind, .from = least, .to = most, \
        .expects = "a whole number from " least " to " most
#define WORD(list, what) &word_kind, .words = (list), .expects = what

#define ACCOUNTS "1 to 64 names, with spaces or commas between them"
#define UNITS    "1 to 64 names of units, such as worker.service or worker@*.service (* stands for " \
                 "anything), with spaces or commas between them"
#define PATH     "an absolute path"

static const struct config_key token_keys[] = {
        {"provider", 0, &provider_kind, .is_valid = is_provider,
                .expects = PRESET_WORDS ", or left out"},
        {"token_url", IN_TOKEN(token_url), TEXT(is_token_url,
                "an https URL without user, fragment or spaces, unless provider or issuer sets it "
                "(http is for localhost, 127.0.0.0/8 and [::1] alone)"), .is_required = true},
        {"issuer", IN_TOKEN(issuer), TEXT(metadata_is_issuer,
                "an https URL without user, query, fragment or spaces "
                "(http is for localhost, 127.0.0.0/8 and [::1] alone)")},
        {"discovery", IN_TOKEN(discovery), WORD(metadata_kind_words, "openid, oauth or smart")},
        {"client_id", IN_TOKEN(client_id), TEXT(value_is_client_id,
                "credential:NAME, env:NAME, file:/PATH, or the id itself if it has no colon and "
                "at most " TEXT_OF(VALUE_CLIENT_ID_MAX) " characters"), .is_required = true},
        {"client_secret", IN_TOKEN(client_secret), TEXT(value_is_reference,
                "credential:NAME, env:NAME or file:/PATH, for the secret itself is never written "
                "here")},
        {"client_auth", IN_TOKEN(client_auth), WORD(client_auth_words,
                "basic, post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or "
                "none")},
        {"grant", IN_TOKEN(grant), WORD(grant_type_words, "client_credentials or jwt_bearer")},
        {"subject", IN_TOKEN(subject), TEXT(value_is_audience,
                "who the token is to act for, without spaces, at most "
                TEXT_OF(VALUE_AUDIENCE_MAX) " characters")},
        {"private_key", IN_TOKEN(private_key), TEXT(value_is_private_key,
                "credential:NAME, env:NAME or file:/PATH, where a key is in PEM or as a JWK, or "
                "pkcs11:... without a PIN (RFC 7512)")},
        {"private_key_passphrase", IN_TOKEN(private_key_passphrase), TEXT(value_is_reference,
                "credential:NAME, env:NAME or file:/PATH, for the passphrase itself is never "
                "written here")},
        {"client_certificate", IN_TOKEN(client_certificate), TEXT(value_is_reference,
                "credential:NAME, env:NAME or file:/PATH, where a certificate is in PEM")},
        {"signing_algorithm", IN_TOKEN(signing_algorithm), WORD(signing_algorithm_words,
                SIGNING_ALGORITHM_WORDS ", as the client is registered")},
        {"key_id", IN_TOKEN(key_id), TEXT(value_is_key_id,
                "the key's id as it is registered, at most " TEXT_OF(VALUE_KEY_ID_MAX)
                " printable characters")},
        {"assertion_audience", IN_TOKEN(assertion_audience), TEXT(value_is_audience,
                "token_url, issuer, or what the token endpoint calls itself, without spaces, at most "
                TEXT_OF(VALUE_AUDIENCE_MAX) " characters")},
        {"assertion_lifetime", IN_TOKEN(assertion_lifetime), TIME("10s", "5min")},
        {"assertion_client_id", IN_TOKEN(assertion_client_id), &boolean_kind,
                .expects = "yes or no"},
        {"scope", IN_TOKEN(scope), TEXT(value_is_scope,
                "scopes with one space between them (RFC 6749 3.3), 1023 characters at most")},
        {"resource", IN_TOKEN(resource), LIST(value_is_resource,
                "1 to 64 absolute URIs without a fragment (RFC 8707), with spaces or commas between "
                "them")},
        {"audience", IN_TOKEN(audience), TEXT(value_is_audience,
                "whom the token is for, without spaces, at most " TEXT_OF(VALUE_AUDIENCE_MAX)
                " characters")},
        {"form", IN_TOKEN(form), LINES(value_is_form_field,
                "NAME=VALUE, as it is before it is encoded, in at most 16 lines; what has a key of "
                "its own is not written here")},
        {"header", IN_TOKEN(headers), LINES(value_is_header,
                "NAME: VALUE in printable ASCII, in at most 16 lines; what the request has anyway "
                "is not written here")},
        {"practice_id", IN_TOKEN(practice_id), TEXT(value_is_practice_id,
                "at most " TEXT_OF(VALUE_PRACTICE_ID_MAX) " characters without space, quote or "
                "backslash")},
        {"basic_encoding", IN_TOKEN(basic_encoding), WORD(encoding_words, "rfc6749 or raw")},
        {"tls_ca_file", IN_TOKEN(tls_ca_file), TEXT(value_is_path, PATH)},
        {"proxy", IN_TOKEN(proxy), TEXT(is_proxy,
                "http://HOST:PORT or https://HOST:PORT, without user or path")},
        {"tls_pinned_key", IN_TOKEN(tls_pinned_key), TEXT(value_is_pinned_key,
                "sha256//BASE64 of the endpoint's public key, or several with semicolons between "
                "them")},
        {"proxy_user", IN_TOKEN(proxy_user), TEXT(value_is_client_id,
                "credential:NAME, env:NAME, file:/PATH, or the name itself if it has no colon and "
                "at most " TEXT_OF(VALUE_CLIENT_ID_MAX) " characters")},
        {"proxy_password", IN_TOKEN(proxy_password), TEXT(value_is_reference,
                "credential:NAME, env:NAME or file:/PATH, for the password itself is never written "
                "here")},
        {"source_address", IN_TOKEN(source_address), TEXT(value_is_address,
                "an IPv4 or IPv6 address of this host")},
        {"http_version", IN_TOKEN(http_version), WORD(http_version_words, "1.1 or 2")},
        {"connect_timeout", IN_TOKEN(connect_timeout), TIME("100ms", "5min")},
        {"timeout", IN_TOKEN(timeout), TIME("1s", "5min")},
        {"default", IN_TOKEN(is_default), &boolean_kind, .expects = "yes or no"},
        {"allow_users", IN_TOKEN(allow_users), LIST(value_is_account, ACCOUNTS)},
        {"allow_groups", IN_TOKEN(allow_groups), LIST(value_is_account, ACCOUNTS)},
        {"allow_units", IN_TOKEN(allow_units), LIST(unit_pattern_is_valid, UNITS)},
        {"requests_per_minute", IN_TERMS(requests_per_minute),
                NUMBER("1", TEXT_OF(TERMS_REQUESTS_PER_MINUTE_MAX))},
        {"default_expires_in", IN_TOKEN(default_expires_in), TIME("1s", "3650d")},
        {"refresh_ahead", IN_TERMS(refresh_ahead), TIME("1s", "1d")},
        {"floor", IN_TERMS(floor), TIME("0s", "1h")},
        {"min_renewal_interval", IN_TERMS(min_renewal_interval), TIME("100ms", "1h")},
        {"renewal_pause", IN_TERMS(renewal_pause), TIME("100ms", "1d")},
        {"retry_min", IN_TERMS(retry_min), TIME("100ms", "1h")},
        {"retry_max", IN_TERMS(retry_max), TIME("100ms", "1d")},
        {"denied_min", IN_TERMS(denied_min), TIME("100ms", "1d")},
        {"denied_max", IN_TERMS(denied_max), TIME("100ms", "1d")},
};

static const struct config_key broker_keys[] = {
        {"socket", IN_CONFIG(socket), TEXT(value_is_socket_path,
                "an absolute path of at most " TEXT_OF(VALUE_SOCKET_PATH_MAX) " bytes")},
        {"socket_mode", IN_CONFIG(socket_mode), &mode_kind,
                .expects = "permissions in octal from 0000 to 0777, such as 0660"},
        {"socket_group", IN_CONFIG(socket_group), TEXT(value_is_account, "the name of a group")},
        {"user_connections", IN_CONFIG(user_connections),
                NUMBER("1", TEXT_OF(CONFIG_CONNECTIONS_MAX))},
        {"user_waiting", IN_CONFIG(user_waiting), NUMBER("1", TEXT_OF(CONFIG_CONNECTIONS_MAX))},
        {"user_requests_per_second", IN_CONFIG(user_requests_per_second),
                NUMBER("1", TEXT_OF(QUOTA_REQUESTS_PER_SECOND_MAX))},
        {"audit", IN_CONFIG(audit), WORD(audit_words, "none, first or all")},
};

/* clang-format on */

_Static_assert(ELEMENTS(token_keys) <= CONFIG_KEYS_MAX, "a key too many");

const struct config_section config_section_broker = {
        .word = "broker",
        .keys = broker_keys,
        .n_keys = ELEMENTS(broker_keys),
};

const struct config_section config_section_token = {
        .word = "token",
        .is_named = true,
        .keys = token_keys,
        .n_keys = ELEMENTS(token_keys),
};

const struct config_key *config_key_find(const struct config_section *section, struct slice name) {
        for (size_t i = 0; i < section->n_keys; i++)
                if (slice_is(name, section->keys[i].name))
                        return &section->keys[i];
        return NULL;
}

static size_t least(size_t a, size_t b) {
        return a < b ? a : b;
}

/* Levenshtein's distance, by rows. */
static size_t edits(struct slice a, struct slice b) {
        size_t row[64];

        for (size_t j = 0; j <= b.size; j++)
                row[j] = j;
        for (size_t i = 0; i < a.size; i++) {
                size_t corner = row[0]++;

                for (size_t j = 0; j < b.size; j++) {
                        size_t replaced = corner + (a.data[i] != b.data[j]);

                        corner = row[j + 1];
                        row[j + 1] = least(replaced, 1 + least(row[j], row[j + 1]));
                }
        }
        return row[b.size];
}

const struct config_key *config_key_nearest(const struct config_section *section,
                                            struct slice name) {
        const struct config_key *nearest = NULL;
        size_t distance = 3;

        for (size_t i = 0; i < section->n_keys; i++) {
                struct slice known = slice_of(section->keys[i].name);

                if (name.size > known.size + 2 || edits(name, known) >= distance)
                        continue;
                nearest = &section->keys[i];
                distance = edits(name, known);
        }
        return nearest;
}

static void *field_of(const struct config_key *key, void *target) {
        return (char *)target + key->field;
}

int config_key_read(const struct config_key *key, struct slice value, void *target) {
        return key->kind->read(key, value, field_of(key, target));
}

bool config_key_is_repeatable(const struct config_key *key) {
        return key->kind == &line_kind;
}

int config_section_init(const struct config_section *section, void *target) {
        for (const struct config_key *key = section->keys; key < section->keys + section->n_keys;
             key++) {
                int r = key->kind->init ? key->kind->init(field_of(key, target)) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

void config_section_deinit(const struct config_section *section, void *target) {
        for (size_t i = 0; i < section->n_keys; i++)
                if (section->keys[i].kind->deinit)
                        section->keys[i].kind->deinit(field_of(&section->keys[i], target));
}
