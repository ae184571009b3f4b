/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/name.h"
#include "wire/config.h"
#include "wire/config_keys.h"
#include "wire/ini.h"
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

/* What is read from the environment; of credentials not the value, but where it is. */
static const struct variable {
        const char *name, *key, *reference;
} variables[] = {
        {"BEARERD_CLIENT_ID",         "client_id",         "env:BEARERD_CLIENT_ID"},
        {"BEARERD_CLIENT_SECRET",     "client_secret",     "env:BEARERD_CLIENT_SECRET"},
        {"BEARERD_CLIENT_AUTH",       "client_auth",       NULL},
        {"BEARERD_PRIVATE_KEY",       "private_key",       "env:BEARERD_PRIVATE_KEY"},
        {"BEARERD_SIGNING_ALGORITHM", "signing_algorithm", NULL},
        {"BEARERD_KEY_ID",            "key_id",            NULL},
        {"BEARERD_PROVIDER",          "provider",          NULL},
        {"BEARERD_TOKEN_URL",         "token_url",         NULL},
        {"BEARERD_SCOPE",             "scope",             NULL},
        {"BEARERD_PRACTICE_ID",       "practice_id",       NULL},
        {"BEARERD_TLS_CA_FILE",       "tls_ca_file",       NULL},
};
/* clang-format on */

/* What is known of one key of the section at hand. */
struct entry {
        bool is_set;
        bool is_wrong;
        unsigned line;
        struct slice value;
};

/* A configuration on its way from text to values. */
struct reader {
        struct config *config;
        struct config_messages *messages;
        const char *file;
        bool is_environment;   /* rather than a file */
        unsigned broker_line;  /* 0: not met yet */
        unsigned default_line; /* 0: not met yet */
        bool has_lost_section; /* one that nothing can be said about */

        const struct config_section *section; /* NULL: none, or a lost one */
        void *target;
        struct entry entries[CONFIG_KEYS_MAX];
};

static void token_deinit(struct config_token *token) {
        config_section_deinit(&config_section_token, token);
        free(token->name);
}

struct config *config_free(struct config *config) {
        if (!config)
                return NULL;
        for (size_t i = 0; i < config->n_tokens; i++)
                token_deinit(&config->tokens[i]);
        free(config->tokens);
        config_section_deinit(&config_section_broker, config);
        free(config);
        return NULL;
}

static int config_new(struct config **ret_config) {
        _cleanup_(cleanup_config) struct config *config = calloc(1, sizeof *config);
        int r;

        if (!config)
                return -ENOMEM;
        r = config_section_init(&config_section_broker, config);
        if (r < 0)
                return r;
        config->socket_mode = 0660;
        config->user_connections = config->user_waiting = CONFIG_CONNECTIONS_MAX;
        config->user_requests_per_second = 10000;
        config->audit = CONFIG_AUDIT_FIRST;
        *ret_config = config;
        config = NULL; /* consumed */
        return 0;
}

#define mistake(reader, line, ...)                                                                 \
        config_messages_add((reader)->messages, true, (reader)->file, line, __VA_ARGS__)

static const struct config_token *token_find(const struct config *config, struct slice name) {
        for (size_t i = 0; i < config->n_tokens; i++)
                if (slice_is(name, config->tokens[i].name))
                        return &config->tokens[i];
        return NULL;
}

static int token_init(struct config_token *token, struct slice name, unsigned line) {
        *token = (struct config_token){
                .line = line,
                .connect_timeout = 5 * NSEC_PER_SEC,
                .timeout = 15 * NSEC_PER_SEC,
                .default_expires_in = 3600 * NSEC_PER_SEC,
                .assertion_lifetime = 60 * NSEC_PER_SEC,
                .terms = TERMS_DEFAULT,
        };
        token->name = strndup(name.data, name.size);
        return token->name ? config_section_init(&config_section_token, token) : -ENOMEM;
}

/* Adds a token to the configuration. The array doubles whenever its size is a power of two. */
static int token_add(struct config *config, struct slice name, unsigned line) {
        size_t n = config->n_tokens;
        struct config_token *tokens = config->tokens;

        if ((n & (n - 1)) == 0) {
                tokens = reallocarray(tokens, n > 0 ? 2 * n : 1, sizeof *tokens);
                if (!tokens)
                        return -ENOMEM;
                config->tokens = tokens;
        }
        config->n_tokens++; /* with the config it is freed, half-built or not */
        return token_init(&tokens[n], name, line);
}

static void token_begin(struct reader *reader, struct slice name, unsigned line) {
        struct config *config = reader->config;
        const struct config_token *other = token_find(config, name);
        int r;

        if (config->n_tokens == CONFIG_TOKENS_MAX) {
                mistake(reader, line, "there are more than %zu tokens: remove this one",
                        CONFIG_TOKENS_MAX);
                return;
        }
        if (!token_name_is_valid(name))
                mistake(reader, line,
                        "a token is called [token NAME], and NAME has 1 to %zu of a-z, 0-9, _ and "
                        "-, the first a letter or digit",
                        TOKEN_NAME_MAX);
        else if (other)
                mistake(reader, line, "the token of this name is in line %u: rename or remove one",
                        other->line);
        r = token_add(config, name, line);
        if (r < 0) {
                reader->messages->error = r;
                return;
        }
        reader->section = &config_section_token;
        reader->target = &config->tokens[config->n_tokens - 1];
}

static void broker_begin(struct reader *reader, struct slice name, unsigned line) {
        if (name.size > 0)
                mistake(reader, line, "there is one broker: write [broker], without a name");
        else if (reader->broker_line > 0)
                mistake(reader, line, "[broker] is in line %u: make the two one",
                        reader->broker_line);
        if (reader->broker_line == 0)
                reader->broker_line = line;
        reader->section = &config_section_broker;
        reader->target = reader->config;
}

/* What KEY is called where it comes from. */
static const char *shown_name(const struct reader *reader, const struct config_key *key) {
        for (size_t i = 0; reader->is_environment && i < ELEMENTS(variables); i++)
                if (strcmp(variables[i].key, key->name) == 0)
                        return variables[i].name;
        return key->name;
}

static struct entry *entry_of(struct reader *reader, const struct config_key *key) {
        assert(reader->section && key);
        return &reader->entries[key - reader->section->keys];
}

static struct entry *entry_named(struct reader *reader, const char *name) {
        return entry_of(reader, config_key_find(reader->section, slice_of(name)));
}

static void setting_read(struct reader *reader, const struct config_key *key, struct slice value,
                         unsigned line) {
        struct entry *entry = entry_of(reader, key);
        int r;

        if (entry->is_set) {
                mistake(reader, line, "%s is in line %u of this section: remove one of the two",
                        key->name, entry->line);
                return;
        }
        r = config_key_read(key, value, reader->target);
        if (r == -ENOMEM)
                reader->messages->error = r;
        else if (r < 0)
                mistake(reader, line, "%s must be %s", shown_name(reader, key), key->expects);
        *entry = (struct entry){true, r < 0, line, value};
}

/* What the provider sets, where nothing else is written, wherever in the section it is named. */
static void preset_apply(struct reader *reader) {
        const struct entry *provider = entry_named(reader, "provider");
        const struct config_preset *preset = config_preset_find(provider->value);

        if (provider->is_wrong)
                entry_named(reader, "token_url")->is_set = true; /* as it would have been */
        for (size_t i = 0; preset && i < ELEMENTS(preset->settings); i++) {
                struct slice name = slice_of(preset->settings[i].key);
                const struct config_key *key = config_key_find(reader->section, name);

                if (!entry_of(reader, key)->is_set)
                        setting_read(reader, key, slice_of(preset->settings[i].value), 0);
        }
}

/* What the client authenticates with depends on how. */
static bool is_required(struct reader *reader, const struct config_key *key) {
        const struct config_token *token = reader->target;

        if (key->is_required || entry_named(reader, "client_auth")->is_wrong)
                return key->is_required;
        return client_auth_needs(token->client_auth, key->name);
}

static void check_required(struct reader *reader, unsigned line) {
        for (size_t i = 0; i < reader->section->n_keys; i++) {
                const struct config_key *key = &reader->section->keys[i];

                if (reader->entries[i].is_set || !is_required(reader, key))
                        continue;
                if (reader->is_environment)
                        mistake(reader, line,
                                "%s is not set: set it, or name a configuration file by --config",
                                shown_name(reader, key));
                else
                        mistake(reader, line, "%s is missing: it must be %s", key->name,
                                key->expects);
        }
}

/* What is written must be of use; what a provider sets need not be. */
static void check_client_auth(struct reader *reader, const struct config_token *token) {
        const char *auth = client_auth_words[token->client_auth];
        const struct entry *client_auth = entry_named(reader, "client_auth");
        struct url url;

        if (client_auth->is_wrong)
                return;
        for (size_t i = 0; i < reader->section->n_keys; i++) {
                const struct config_key *key = &reader->section->keys[i];

                if (reader->entries[i].line > 0 &&
                    !client_auth_takes(token->client_auth, key->name))
                        mistake(reader, reader->entries[i].line,
                                "%s is of no use with client_auth = %s: remove it, or change "
                                "client_auth",
                                key->name, auth);
        }
        if (client_auth_is_tls(token->client_auth) &&
            url_parse(slice_of(token->token_url), &url) == 0 && !url.is_https)
                mistake(reader, client_auth->line,
                        "client_auth = %s shows a certificate: token_url must be https", auth);
}

static uint64_t time_at(const struct reader *reader, const char *name) {
        const struct config_key *key = config_key_find(reader->section, slice_of(name));

        return *(const uint64_t *)((const char *)reader->target + key->field);
}

static void check_orders(struct reader *reader) {
        for (size_t i = 0; i < ELEMENTS(orders); i++) {
                const struct entry *shorter = entry_named(reader, orders[i].shorter);
                const struct entry *longer = entry_named(reader, orders[i].longer);

                if (shorter->is_wrong || longer->is_wrong)
                        continue;
                if (time_at(reader, orders[i].shorter) <= time_at(reader, orders[i].longer))
                        continue;
                mistake(reader, shorter->line > longer->line ? shorter->line : longer->line,
                        "%s must not be longer than %s: set both", orders[i].shorter,
                        orders[i].longer);
        }
}

static void check_default(struct reader *reader, const struct config_token *token) {
        unsigned line = entry_named(reader, "default")->line;

        if (!token->is_default)
                return;
        if (reader->default_line > 0)
                mistake(reader, line, "line %u has default = yes already: one token can have it",
                        reader->default_line);
        else
                reader->default_line = line;
}

static void warn_of_http(struct reader *reader, const struct config_token *token) {
        struct url url;

        if (url_parse(slice_of(token->token_url), &url) < 0 || url.is_https ||
            client_auth_is_tls(token->client_auth))
                return;
        config_messages_add(
                reader->messages, false, reader->file, entry_named(reader, "token_url")->line,
                "%s is http: credentials and tokens are sent as they are, which is for tests "
                "on this host alone",
                shown_name(reader, config_key_find(reader->section, SLICE("token_url"))));
}

static void token_end(struct reader *reader) {
        struct config_token *token = reader->target;
        struct terms *terms = &token->terms;

        preset_apply(reader);
        check_required(reader, token->line);
        check_client_auth(reader, token);
        check_orders(reader);
        check_default(reader, token);
        warn_of_http(reader, token);
        terms->renewal_pause_max = time_max(terms->renewal_pause_max, terms->renewal_pause);
        terms->attempt_timeout = token->timeout + ATTEMPT_MARGIN;
}

/* Whether there are such accounts, and a kernel that tells units, is found out by others, who tell
 * the line. */
static void keep_lines(struct reader *reader) {
        struct config_token *token = reader->target;

        if (reader->section == &config_section_broker) {
                reader->config->socket_group_line = entry_named(reader, "socket_group")->line;
                return;
        }
        token->allow_users.line = entry_named(reader, "allow_users")->line;
        token->allow_groups.line = entry_named(reader, "allow_groups")->line;
        token->allow_units.line = entry_named(reader, "allow_units")->line;
}

static void section_end(struct reader *reader) {
        if (reader->section)
                keep_lines(reader);
        if (reader->section == &config_section_token && reader->messages->error == 0)
                token_end(reader);
        reader->section = NULL;
}

static void section_begin(struct reader *reader, const struct ini_line *line) {
        section_end(reader);
        memset(reader->entries, 0, sizeof reader->entries);
        if (line->mistake)
                mistake(reader, line->number, "%s", line->mistake);
        else if (slice_is(line->word, config_section_token.word))
                token_begin(reader, line->name, line->number);
        else if (slice_is(line->word, config_section_broker.word))
                broker_begin(reader, line->name, line->number);
        else
                mistake(reader, line->number,
                        "there is no such section: there are [broker] and [token NAME]");
        if (!reader->section)
                reader->has_lost_section = true;
}

static void unknown_key(struct reader *reader, const struct ini_line *line) {
        const struct config_key *nearest = config_key_nearest(reader->section, line->key);

        if (nearest)
                mistake(reader, line->number, "there is no such key in [%s]: is %s meant?",
                        reader->section->word, nearest->name);
        else
                mistake(reader, line->number, "there is no such key in [%s]: remove the line",
                        reader->section->word);
}

static void setting(struct reader *reader, const struct ini_line *line) {
        const struct config_key *key;

        if (line->mistake) {
                mistake(reader, line->number, "%s", line->mistake);
                return;
        }
        if (!reader->section) {
                if (!reader->has_lost_section)
                        mistake(reader, line->number,
                                "there is no section above: begin one with [token NAME]");
                return;
        }
        key = config_key_find(reader->section, line->key);
        if (key)
                setting_read(reader, key, line->value, line->number);
        else
                unknown_key(reader, line);
}

static void file_read(struct reader *reader, struct slice text) {
        struct ini ini = INI_INIT(text);
        struct ini_line line;

        if (text.size > CONFIG_FILE_MAX) {
                mistake(reader, 0, "the file is larger than %zu bytes", CONFIG_FILE_MAX);
                return;
        }
        while (reader->messages->error == 0 && ini_next(&ini, &line)) {
                if (line.kind == INI_SECTION)
                        section_begin(reader, &line);
                else
                        setting(reader, &line);
        }
        section_end(reader);
        if (reader->messages->error == 0 && reader->config->n_tokens == 0 &&
            !reader->has_lost_section)
                mistake(reader, 0, "there is no token: add a section [token NAME]");
}

static void environment_read(struct reader *reader, char *(*get)(const char *name)) {
        const struct config_key *provider =
                config_key_find(&config_section_token, SLICE("provider"));

        token_begin(reader, SLICE("default"), 0);
        for (size_t i = 0; reader->section && i < ELEMENTS(variables); i++) {
                const char *value = get(variables[i].name);
                struct slice key = slice_of(variables[i].key);

                if (value && *value)
                        setting_read(
                                reader, config_key_find(reader->section, key),
                                slice_of(variables[i].reference ? variables[i].reference : value),
                                0);
        }
        if (reader->section && !entry_named(reader, "token_url")->is_set &&
            !entry_of(reader, provider)->is_set)
                setting_read(reader, provider, SLICE("athenahealth"), 0);
        section_end(reader);
}

static int config_read(struct reader *reader, struct slice text, char *(*get)(const char *name),
                       struct config **ret_config) {
        _cleanup_(cleanup_config) struct config *config = NULL;
        size_t n_errors = reader->messages->n_errors;
        int r;

        r = config_new(&config);
        if (r < 0)
                return r;
        reader->config = config;
        if (get)
                environment_read(reader, get);
        else
                file_read(reader, text);
        if (reader->messages->error < 0)
                return reader->messages->error;
        if (reader->messages->n_errors > n_errors)
                return -EINVAL;
        *ret_config = config;
        config = NULL; /* consumed */
        return 0;
}

int config_parse(struct slice text, const char *file, struct config_messages *messages,
                 struct config **ret_config) {
        struct reader reader = {.messages = messages, .file = file};

        return config_read(&reader, text, NULL, ret_config);
}

int config_from_environment(char *(*get)(const char *name), struct config_messages *messages,
                            struct config **ret_config) {
        struct reader reader = {.messages = messages, .is_environment = true};

        return config_read(&reader, (struct slice){NULL, 0}, get, ret_config);
}

const struct config_token *config_find(const struct config *config, const char *name) {
        return token_find(config, slice_of(name));
}

const struct config_token *config_default(const struct config *config) {
        for (size_t i = 0; i < config->n_tokens; i++)
                if (config->tokens[i].is_default)
                        return &config->tokens[i];
        return config->n_tokens == 1 ? config->tokens : NULL;
}
