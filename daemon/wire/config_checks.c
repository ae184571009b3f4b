/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "wire/config_reader.h"
#include "wire/preset.h"
#include "wire/url.h"
#include "wire/value.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* What an attempt takes beside the request: a process to start, an answer to hand over. */
#define ATTEMPT_MARGIN (5 * NSEC_PER_SEC)

/* clang-format off */
/* In every token, the first is not longer than the second. */
static const struct {
        const char *shorter, *longer;
} orders[] = {
        {"retry_min", "retry_max"},
        {"denied_min", "denied_max"},
        {"connect_timeout", "timeout"},
};
/* clang-format on */

/* What the provider sets, where nothing else is written, wherever in the section it is named. */
static const struct preset *preset_apply(struct config_reader *reader) {
        const struct config_entry *provider = config_entry_named(reader, "provider");
        const struct preset *preset = preset_find(provider->value);

        if (provider->is_wrong)
                config_entry_named(reader, "token_url")->is_set = true; /* as it would have been */
        for (size_t i = 0; preset && preset->settings[i].key; i++) {
                struct slice name = slice_of(preset->settings[i].key);
                const struct config_key *key = config_key_find(reader->section, name);

                if (!config_entry_of(reader, key)->is_set)
                        config_reader_set(reader, key, slice_of(preset->settings[i].value), 0);
        }
        return preset;
}

/* A token_url that is written does for an issuer. */
static void check_needs(struct config_reader *reader, const struct preset *preset, unsigned line) {
        struct config_entry *token_url = config_entry_named(reader, "token_url");

        for (size_t i = 0; preset && preset->needs[i].key; i++) {
                const char *name = preset->needs[i].key;

                if (config_entry_named(reader, name)->is_set)
                        continue;
                if (strcmp(name, "issuer") == 0 && token_url->is_set)
                        continue;
                config_mistake(reader, line, "%s is missing: provider = %s needs it (%s)", name,
                               preset->provider, preset->needs[i].example);
                if (strcmp(name, "issuer") == 0)
                        token_url->is_set = true; /* as it would have been */
        }
}

static bool is_way_wrong(struct config_reader *reader) {
        return config_entry_named(reader, "client_auth")->is_wrong ||
               config_entry_named(reader, "grant")->is_wrong;
}

/* What the client authenticates with depends on how; an issuer says where. */
static bool is_required(struct config_reader *reader, const struct config_key *key) {
        const struct config_token *token = reader->target;

        if (strcmp(key->name, "token_url") == 0)
                return !config_entry_named(reader, "issuer")->is_set;
        if (key->is_required || is_way_wrong(reader))
                return key->is_required;
        return client_auth_needs(token->client_auth, token->grant, key->name);
}

static void check_required(struct config_reader *reader, unsigned line) {
        for (size_t i = 0; i < reader->section->n_keys; i++) {
                const struct config_key *key = &reader->section->keys[i];

                if (reader->entries[i].is_set || !is_required(reader, key))
                        continue;
                if (reader->is_environment)
                        config_mistake(
                                reader, line,
                                "%s is not set: set it, or name a configuration file by --config",
                                config_reader_shown(reader, key));
                else
                        config_mistake(reader, line, "%s is missing: it must be %s", key->name,
                                       key->expects);
        }
}

/* Where the client authenticates first. */
static struct slice place_of(const struct config_token *token) {
        return slice_of(*token->token_url ? token->token_url : token->issuer);
}

/* What is written must be of use; what a provider sets need not be. */
static void check_use(struct config_reader *reader, const struct config_token *token) {
        const char *grant = token->grant == GRANT_JWT_BEARER ? ", grant = jwt_bearer" : "";

        for (size_t i = 0; i < reader->section->n_keys; i++) {
                const struct config_key *key = &reader->section->keys[i];

                if (reader->entries[i].line == 0 ||
                    client_auth_takes(token->client_auth, token->grant, key->name))
                        continue;
                config_mistake(reader, reader->entries[i].line,
                               "%s is of no use with client_auth = %s%s: remove it, or change "
                               "client_auth",
                               key->name, client_auth_words[token->client_auth], grant);
        }
}

static void check_client_auth(struct config_reader *reader, const struct config_token *token) {
        unsigned line = config_entry_named(reader, "client_auth")->line;
        struct url url;

        if (is_way_wrong(reader))
                return;
        check_use(reader, token);
        if (token->grant == GRANT_JWT_BEARER && token->client_auth != CLIENT_AUTH_NONE)
                config_mistake(reader, line > 0 ? line : config_entry_named(reader, "grant")->line,
                               "grant = jwt_bearer says who the client is: write client_auth = "
                               "none");
        if (client_auth_is_tls(token->client_auth) && url_parse(place_of(token), &url) == 0 &&
            !url.is_https)
                config_mistake(reader, line,
                               "client_auth = %s shows a certificate: token_url must be https",
                               client_auth_words[token->client_auth]);
}

static void check_together(struct config_reader *reader, const char *name, const char *needed) {
        const struct config_entry *entry = config_entry_named(reader, name);

        if (entry->line > 0 && !config_entry_named(reader, needed)->is_set)
                config_mistake(reader, entry->line, "%s is of no use without %s: write both", name,
                               needed);
}

/* A provider may want the issuer there; it is of no interest to who signs nothing. */
static void check_audience(struct config_reader *reader, const struct config_token *token) {
        unsigned line = config_entry_named(reader, "assertion_audience")->line;

        if (strcmp(token->assertion_audience, "issuer") == 0 && !*token->issuer &&
            client_auth_takes(token->client_auth, token->grant, "assertion_audience"))
                config_mistake(reader, line > 0 ? line : token->line,
                               "assertion_audience = issuer: there is no issuer, write one");
}

/* RFC 6749 3.2: no parameter is there more than once. */
static void check_form(struct config_reader *reader, const struct config_list *form) {
        for (size_t i = 1; i < form->n; i++) {
                size_t name = strcspn(form->words[i], "=") + 1;

                for (size_t j = 0; j < i; j++)
                        if (strncmp(form->words[i], form->words[j], name) == 0)
                                config_mistake(reader, config_entry_named(reader, "form")->line,
                                               "form has the same name twice: remove one of them");
        }
}

static uint64_t time_at(const struct config_reader *reader, const char *name) {
        const struct config_key *key = config_key_find(reader->section, slice_of(name));

        return *(const uint64_t *)((const char *)reader->target + key->field);
}

static void check_orders(struct config_reader *reader) {
        for (size_t i = 0; i < ELEMENTS(orders); i++) {
                const struct config_entry *shorter = config_entry_named(reader, orders[i].shorter);
                const struct config_entry *longer = config_entry_named(reader, orders[i].longer);

                if (shorter->is_wrong || longer->is_wrong)
                        continue;
                if (time_at(reader, orders[i].shorter) <= time_at(reader, orders[i].longer))
                        continue;
                config_mistake(reader, shorter->line > longer->line ? shorter->line : longer->line,
                               "%s must not be longer than %s: set both", orders[i].shorter,
                               orders[i].longer);
        }
}

static void check_default(struct config_reader *reader, const struct config_token *token) {
        unsigned line = config_entry_named(reader, "default")->line;

        if (!token->is_default)
                return;
        if (reader->default_line > 0)
                config_mistake(reader, line,
                               "line %u has default = yes already: one token can have it",
                               reader->default_line);
        else
                reader->default_line = line;
}

static void warn_of_http(struct config_reader *reader, const struct config_token *token) {
        const char *name = *token->token_url ? "token_url" : "issuer";
        struct url url;

        if (url_parse(place_of(token), &url) < 0 || url.is_https ||
            client_auth_is_tls(token->client_auth))
                return;
        config_messages_add(
                reader->messages, false, reader->file, config_entry_named(reader, name)->line,
                "%s is http: credentials and tokens are sent as they are, which is for tests "
                "on this host alone",
                config_reader_shown(reader, config_key_find(reader->section, slice_of(name))));
}

void config_check_token(struct config_reader *reader) {
        struct config_token *token = reader->target;
        struct terms *terms = &token->terms;

        check_needs(reader, preset_apply(reader), token->line);
        check_required(reader, token->line);
        check_client_auth(reader, token);
        check_together(reader, "discovery", "issuer");
        check_audience(reader, token);
        check_together(reader, "proxy_user", "proxy");
        check_together(reader, "proxy_user", "proxy_password");
        check_together(reader, "proxy_password", "proxy_user");
        check_form(reader, &token->form);
        check_orders(reader);
        check_default(reader, token);
        warn_of_http(reader, token);
        terms->renewal_pause_max = time_max(terms->renewal_pause_max, terms->renewal_pause);
        terms->attempt_timeout = token->timeout + ATTEMPT_MARGIN;
}
