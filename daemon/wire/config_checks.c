/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "wire/config_reader.h"
#include "wire/url.h"

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
static void preset_apply(struct config_reader *reader) {
        const struct config_entry *provider = config_entry_named(reader, "provider");
        const struct config_preset *preset = config_preset_find(provider->value);

        if (provider->is_wrong)
                config_entry_named(reader, "token_url")->is_set = true; /* as it would have been */
        for (size_t i = 0; preset && i < ELEMENTS(preset->settings); i++) {
                struct slice name = slice_of(preset->settings[i].key);
                const struct config_key *key = config_key_find(reader->section, name);

                if (!config_entry_of(reader, key)->is_set)
                        config_reader_set(reader, key, slice_of(preset->settings[i].value), 0);
        }
}

/* What the client authenticates with depends on how; an issuer says where. */
static bool is_required(struct config_reader *reader, const struct config_key *key) {
        const struct config_token *token = reader->target;

        if (strcmp(key->name, "token_url") == 0)
                return !config_entry_named(reader, "issuer")->is_set;
        if (key->is_required || config_entry_named(reader, "client_auth")->is_wrong)
                return key->is_required;
        return client_auth_needs(token->client_auth, key->name);
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
static void check_client_auth(struct config_reader *reader, const struct config_token *token) {
        const char *auth = client_auth_words[token->client_auth];
        const struct config_entry *client_auth = config_entry_named(reader, "client_auth");
        struct url url;

        if (client_auth->is_wrong)
                return;
        for (size_t i = 0; i < reader->section->n_keys; i++) {
                const struct config_key *key = &reader->section->keys[i];

                if (reader->entries[i].line > 0 &&
                    !client_auth_takes(token->client_auth, key->name))
                        config_mistake(
                                reader, reader->entries[i].line,
                                "%s is of no use with client_auth = %s: remove it, or change "
                                "client_auth",
                                key->name, auth);
        }
        if (client_auth_is_tls(token->client_auth) && url_parse(place_of(token), &url) == 0 &&
            !url.is_https)
                config_mistake(reader, client_auth->line,
                               "client_auth = %s shows a certificate: token_url must be https",
                               auth);
}

static void check_together(struct config_reader *reader, const char *name, const char *needed) {
        const struct config_entry *entry = config_entry_named(reader, name);

        if (entry->line > 0 && !config_entry_named(reader, needed)->is_set)
                config_mistake(reader, entry->line, "%s is of no use without %s: write both", name,
                               needed);
}

static void check_audience(struct config_reader *reader, const struct config_token *token) {
        const struct config_entry *audience = config_entry_named(reader, "assertion_audience");

        if (strcmp(token->assertion_audience, "issuer") == 0 && !*token->issuer)
                config_mistake(reader, audience->line,
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

        preset_apply(reader);
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
