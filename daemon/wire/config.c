/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/name.h"
#include "wire/config.h"
#include "wire/config_keys.h"
#include "wire/config_reader.h"
#include "wire/ini.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* clang-format off */
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

static void token_begin(struct config_reader *reader, struct slice name, unsigned line) {
        struct config *config = reader->config;
        const struct config_token *other = token_find(config, name);
        int r;

        if (config->n_tokens == CONFIG_TOKENS_MAX) {
                config_mistake(reader, line, "there are more than %zu tokens: remove this one",
                               CONFIG_TOKENS_MAX);
                return;
        }
        if (!token_name_is_valid(name))
                config_mistake(
                        reader, line,
                        "a token is called [token NAME], and NAME has 1 to %zu of a-z, 0-9, _ and "
                        "-, the first a letter or digit",
                        TOKEN_NAME_MAX);
        else if (other)
                config_mistake(reader, line,
                               "the token of this name is in line %u: rename or remove one",
                               other->line);
        r = token_add(config, name, line);
        if (r < 0) {
                reader->messages->error = r;
                return;
        }
        reader->section = &config_section_token;
        reader->target = &config->tokens[config->n_tokens - 1];
}

static void broker_begin(struct config_reader *reader, struct slice name, unsigned line) {
        if (name.size > 0)
                config_mistake(reader, line, "there is one broker: write [broker], without a name");
        else if (reader->broker_line > 0)
                config_mistake(reader, line, "[broker] is in line %u: make the two one",
                               reader->broker_line);
        if (reader->broker_line == 0)
                reader->broker_line = line;
        reader->section = &config_section_broker;
        reader->target = reader->config;
}

/* What KEY is called where it comes from. */
const char *config_reader_shown(const struct config_reader *reader, const struct config_key *key) {
        for (size_t i = 0; reader->is_environment && i < ELEMENTS(variables); i++)
                if (strcmp(variables[i].key, key->name) == 0)
                        return variables[i].name;
        return key->name;
}

void config_reader_set(struct config_reader *reader, const struct config_key *key,
                       struct slice value, unsigned line) {
        struct config_entry *entry = config_entry_of(reader, key);
        int r;

        if (entry->is_set && !config_key_is_repeatable(key)) {
                config_mistake(reader, line,
                               "%s is in line %u of this section: remove one of the two", key->name,
                               entry->line);
                return;
        }
        r = config_key_read(key, value, reader->target);
        if (r == -ENOMEM)
                reader->messages->error = r;
        else if (r < 0)
                config_mistake(reader, line, "%s must be %s", config_reader_shown(reader, key),
                               key->expects);
        *entry = (struct config_entry){true, r < 0, line, value};
}

/* Whether there are such accounts, and a kernel that tells units, is found out by others, who tell
 * the line. */
static void keep_lines(struct config_reader *reader) {
        struct config_token *token = reader->target;

        if (reader->section == &config_section_broker) {
                reader->config->socket_group_line =
                        config_entry_named(reader, "socket_group")->line;
                return;
        }
        token->allow_users.line = config_entry_named(reader, "allow_users")->line;
        token->allow_groups.line = config_entry_named(reader, "allow_groups")->line;
        token->allow_units.line = config_entry_named(reader, "allow_units")->line;
}

static void section_end(struct config_reader *reader) {
        if (reader->section)
                keep_lines(reader);
        if (reader->section == &config_section_token && reader->messages->error == 0)
                config_check_token(reader);
        reader->section = NULL;
}

static void section_begin(struct config_reader *reader, const struct ini_line *line) {
        section_end(reader);
        memset(reader->entries, 0, sizeof reader->entries);
        if (line->mistake)
                config_mistake(reader, line->number, "%s", line->mistake);
        else if (slice_is(line->word, config_section_token.word))
                token_begin(reader, line->name, line->number);
        else if (slice_is(line->word, config_section_broker.word))
                broker_begin(reader, line->name, line->number);
        else
                config_mistake(reader, line->number,
                               "there is no such section: there are [broker] and [token NAME]");
        if (!reader->section)
                reader->has_lost_section = true;
}

static void unknown_key(struct config_reader *reader, const struct ini_line *line) {
        const struct config_key *nearest = config_key_nearest(reader->section, line->key);

        if (nearest)
                config_mistake(reader, line->number, "there is no such key in [%s]: is %s meant?",
                               reader->section->word, nearest->name);
        else
                config_mistake(reader, line->number,
                               "there is no such key in [%s]: remove the line",
                               reader->section->word);
}

static void setting(struct config_reader *reader, const struct ini_line *line) {
        const struct config_key *key;

        if (line->mistake) {
                config_mistake(reader, line->number, "%s", line->mistake);
                return;
        }
        if (!reader->section) {
                if (!reader->has_lost_section)
                        config_mistake(reader, line->number,
                                       "there is no section above: begin one with [token NAME]");
                return;
        }
        key = config_key_find(reader->section, line->key);
        if (key)
                config_reader_set(reader, key, line->value, line->number);
        else
                unknown_key(reader, line);
}

static void file_read(struct config_reader *reader, struct slice text) {
        struct ini ini = INI_INIT(text);
        struct ini_line line;

        if (text.size > CONFIG_FILE_MAX) {
                config_mistake(reader, 0, "the file is larger than %zu bytes", CONFIG_FILE_MAX);
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
                config_mistake(reader, 0, "there is no token: add a section [token NAME]");
}

static void environment_read(struct config_reader *reader, char *(*get)(const char *name)) {
        const struct config_key *provider =
                config_key_find(&config_section_token, SLICE("provider"));

        token_begin(reader, SLICE("default"), 0);
        for (size_t i = 0; reader->section && i < ELEMENTS(variables); i++) {
                const char *value = get(variables[i].name);
                struct slice key = slice_of(variables[i].key);

                if (value && *value)
                        config_reader_set(
                                reader, config_key_find(reader->section, key),
                                slice_of(variables[i].reference ? variables[i].reference : value),
                                0);
        }
        if (reader->section && !config_entry_named(reader, "token_url")->is_set &&
            !config_entry_of(reader, provider)->is_set)
                config_reader_set(reader, provider, SLICE("athenahealth"), 0);
        section_end(reader);
}

static int config_read(struct config_reader *reader, struct slice text,
                       char *(*get)(const char *name), struct config **ret_config) {
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
        struct config_reader reader = {.messages = messages, .file = file};

        return config_read(&reader, text, NULL, ret_config);
}

int config_from_environment(char *(*get)(const char *name), struct config_messages *messages,
                            struct config **ret_config) {
        struct config_reader reader = {.messages = messages, .is_environment = true};

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
