/* SPDX-License-Identifier: MIT */
/* A configuration: a file, or, if it begins with "BEARERD_", an environment of NAME=VALUE lines.
 * Beyond not crashing: values in the bounds that the documentation has; a refusal has its reasons,
 * in the order of lines, and none repeats what is in the file; the same settings, written anew from
 * what the reader of lines has found, are the same configuration. */
#include <errno.h>

#include "base/buffer.h"
#include "core/name.h"
#include "core/unit.h"
#include "fuzz.h"
#include "wire/config.h"
#include "wire/ini.h"
#include "wire/url.h"
#include "wire/value.h"

/* In the dictionary: what stands in the wrong place may be a secret. */
static const char canary[] = "Canary0Secret";

static void check_messages(const struct config_messages *messages, int r) {
        unsigned line = 0;

        HOLDS((r == -EINVAL) == (messages->n_errors > 0), "a mistake is one that is told");
        HOLDS((config_messages_first_error(messages) != NULL) == (messages->n_errors > 0),
              "there is a first mistake");
        HOLDS(messages->error == 0 && messages->n <= CONFIG_MESSAGES_MAX, "messages are capped");
        for (size_t i = 0; i < messages->n; i++) {
                const struct config_message *message = &messages->list[i];

                HOLDS(message->line - 1 >= line - 1 || i == 0,
                      "messages are in the order of lines");
                line = message->line;
                HOLDS(is_printable(slice_of(message->text)) && message->text[0],
                      "a message can be shown");
                HOLDS(!strstr(message->text, canary), "no message repeats what is in the file");
        }
}

static bool is_from_to(uint64_t time, uint64_t from, uint64_t to) {
        return time >= from && time <= to;
}

static void check_terms(const struct config_token *token) {
        const uint64_t least = 100 * NSEC_PER_MSEC, second = NSEC_PER_SEC, hour = 3600 * second,
                       day = 24 * hour;
        const struct terms *terms = &token->terms;

        HOLDS(is_from_to(token->connect_timeout, least, 300 * second) &&
                      is_from_to(token->timeout, second, 300 * second) &&
                      token->connect_timeout <= token->timeout,
              "a request ends");
        HOLDS(is_from_to(token->default_expires_in, second, 3650 * day), "a life is in its bounds");
        HOLDS(is_from_to(terms->refresh_ahead, second, day) && terms->floor <= hour &&
                      is_from_to(terms->min_renewal_interval, least, hour) &&
                      is_from_to(terms->renewal_pause, least, day) &&
                      terms->renewal_pause <= terms->renewal_pause_max &&
                      is_from_to(terms->retry_min, least, hour) &&
                      is_from_to(terms->retry_max, terms->retry_min, day) &&
                      is_from_to(terms->denied_min, least, day) &&
                      is_from_to(terms->denied_max, terms->denied_min, day),
              "terms are in their bounds");
        HOLDS(terms->attempt_timeout > token->timeout, "bearerd waits longer than bearerd-fetch");
        HOLDS(is_from_to(terms->requests_per_minute, 1, TERMS_REQUESTS_PER_MINUTE_MAX),
              "a budget is in its bounds");
}

static void check_list(const struct config_list *list, bool (*is_valid)(struct slice)) {
        HOLDS(list->n <= CONFIG_LIST_MAX && !list->words[list->n], "a list is capped, and ends");
        HOLDS(list->n == 0 || list->line > 0, "a list is in a line");
        for (size_t i = 0; i < list->n; i++)
                HOLDS(is_valid(slice_of(list->words[i])), "a word is what it should be");
}

static void check_token(const struct config_token *token) {
        struct url url;

        HOLDS(token_name_is_valid(slice_of(token->name)), "a token has a name");
        HOLDS(url_parse(slice_of(token->token_url), &url) == 0 && (url.is_https || url.is_loopback),
              "a secret goes to https, or stays on this host");
        HOLDS(value_is_client_id(slice_of(token->client_id)) &&
                      value_is_reference(slice_of(token->client_secret)),
              "credentials are told, a secret is not");
        HOLDS(!token->scope[0] || value_is_scope(slice_of(token->scope)), "a scope is one");
        HOLDS(!token->practice_id[0] || value_is_practice_id(slice_of(token->practice_id)),
              "a practice id is one");
        HOLDS(!token->tls_ca_file[0] || token->tls_ca_file[0] == '/', "a path is absolute");
        HOLDS(!token->proxy[0] || (url_parse(slice_of(token->proxy), &url) == 0 && url.port > 0),
              "a proxy is one");
        check_list(&token->allow_users, value_is_account);
        check_list(&token->allow_groups, value_is_account);
        check_list(&token->allow_units, unit_pattern_is_valid);
        check_terms(token);
}

static void check_config(const struct config *config) {
        const struct config_token *chosen = config_default(config);
        size_t n_default = 0;

        HOLDS(config->n_tokens > 0 && config->n_tokens <= CONFIG_TOKENS_MAX, "there are tokens");
        HOLDS(config->socket_mode <= 0777, "a mode is one");
        HOLDS(config->user_connections >= 1 && config->user_connections <= 65536 &&
                      config->user_waiting >= 1 && config->user_waiting <= 65536 &&
                      config->user_requests_per_second >= 1 &&
                      config->user_requests_per_second <= 1000000,
              "a user may have something");
        HOLDS(config->audit <= CONFIG_AUDIT_ALL, "an audit is one");
        HOLDS(strlen(config->socket) <= VALUE_SOCKET_PATH_MAX, "a socket's path fits");
        for (size_t i = 0; i < config->n_tokens; i++) {
                check_token(&config->tokens[i]);
                HOLDS(config_find(config, config->tokens[i].name) == &config->tokens[i],
                      "no name is there twice");
                n_default += config->tokens[i].is_default;
        }
        HOLDS(n_default <= 1 && (n_default == 0 || (chosen && chosen->is_default)) &&
                      (n_default == 1 || (chosen != NULL) == (config->n_tokens == 1)),
              "the default is the one that says so, or the only one");
}

static bool is_same_list(const struct config_list *a, const struct config_list *b) {
        for (size_t i = 0; i < a->n && a->n == b->n; i++)
                if (strcmp(a->words[i], b->words[i]) != 0)
                        return false;
        return a->n == b->n;
}

static bool is_same_token(const struct config_token *a, const struct config_token *b) {
        return strcmp(a->name, b->name) == 0 && a->is_default == b->is_default &&
               strcmp(a->token_url, b->token_url) == 0 && strcmp(a->scope, b->scope) == 0 &&
               strcmp(a->practice_id, b->practice_id) == 0 &&
               strcmp(a->client_id, b->client_id) == 0 &&
               strcmp(a->client_secret, b->client_secret) == 0 &&
               a->basic_encoding == b->basic_encoding &&
               strcmp(a->tls_ca_file, b->tls_ca_file) == 0 && strcmp(a->proxy, b->proxy) == 0 &&
               a->connect_timeout == b->connect_timeout && a->timeout == b->timeout &&
               a->default_expires_in == b->default_expires_in &&
               is_same_list(&a->allow_users, &b->allow_users) &&
               is_same_list(&a->allow_groups, &b->allow_groups) &&
               is_same_list(&a->allow_units, &b->allow_units) &&
               memcmp(&a->terms, &b->terms, sizeof a->terms) == 0;
}

static bool is_same_config(const struct config *a, const struct config *b) {
        for (size_t i = 0; i < a->n_tokens && a->n_tokens == b->n_tokens; i++)
                if (!is_same_token(&a->tokens[i], &b->tokens[i]))
                        return false;
        return a->n_tokens == b->n_tokens && strcmp(a->socket, b->socket) == 0 &&
               strcmp(a->socket_group, b->socket_group) == 0 && a->socket_mode == b->socket_mode &&
               a->user_connections == b->user_connections && a->user_waiting == b->user_waiting &&
               a->user_requests_per_second == b->user_requests_per_second && a->audit == b->audit;
}

/* The lines that say something, without comments, and with other spaces. */
static void rewrite(struct slice text, struct buffer *out) {
        struct ini ini = INI_INIT(text);
        struct ini_line line;
        unsigned number = 0;

        while (ini_next(&ini, &line)) {
                HOLDS(line.number > number, "lines are counted");
                number = line.number;
                HOLDS(!line.mistake, "where nothing is wrong, no line is");
                if (line.kind == INI_SECTION) {
                        HOLDS(is_within(line.word, text) && line.word.size > 0, "a section is one");
                        buffer_append_text(out, "\n[");
                        buffer_append_slice(out, line.word);
                        buffer_append_text(out, line.name.size > 0 ? " " : "");
                        buffer_append_slice(out, line.name);
                        buffer_append_text(out, "]\n# what follows\n");
                        continue;
                }
                HOLDS(is_within(line.key, text) && is_within(line.value, text) &&
                              line.key.size > 0 && line.value.size > 0 &&
                              is_same(slice_trim(line.value), line.value),
                      "a setting is one");
                buffer_append_slice(out, line.key);
                buffer_append_text(out, "  = ");
                buffer_append_slice(out, line.value);
                buffer_append_text(out, " \n\n");
        }
        HOLDS(buffer_error(out) == 0, "there is room");
}

static void check_rewritten(struct slice text, const struct config *config) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct buffer again = BUFFER_INIT(CONFIG_FILE_MAX);
        struct config *other = NULL;

        rewrite(text, &again);
        HOLDS(config_parse(buffer_slice(&again), NULL, &messages, &other) == 0 &&
                      is_same_config(config, other),
              "the same settings are the same configuration");
        config_free(other);
        config_messages_deinit(&messages);
        buffer_deinit(&again);
}

static void check_file(struct slice text) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        struct config *config = NULL;
        int r = config_parse(text, "a.conf", &messages, &config);

        HOLDS(r == 0 || r == -EINVAL, "it is right, or it is wrong");
        HOLDS((r == 0) == (config != NULL), "results are written on success only");
        check_messages(&messages, r);
        if (r == 0) {
                check_config(config);
                check_rewritten(text, config);
        }
        config_free(config);
        config_messages_deinit(&messages);
}

static char **environment;

static char *get(const char *name) {
        size_t size = strlen(name);

        for (char **variable = environment; *variable; variable++)
                if (strncmp(*variable, name, size) == 0 && (*variable)[size] == '=')
                        return *variable + size + 1;
        return NULL;
}

static void check_environment(struct slice text) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        char *variables[32] = {NULL};
        struct config *config = NULL;
        struct slice line;
        int r;

        for (size_t i = 0;
             i + 1 < sizeof variables / sizeof *variables && slice_cut(&text, '\n', &line); i++)
                variables[i] = string_of(line, SIZE_MAX);
        environment = variables;
        r = config_from_environment(get, &messages, &config);
        HOLDS(r == 0 || r == -EINVAL, "it is right, or it is wrong");
        HOLDS((r == 0) == (config != NULL), "results are written on success only");
        check_messages(&messages, r);
        if (r == 0) {
                HOLDS(config->n_tokens == 1 && strcmp(config->tokens[0].name, "default") == 0,
                      "there is one token");
                HOLDS(strcmp(config->tokens[0].client_secret, "env:BEARERD_CLIENT_SECRET") == 0,
                      "no secret is kept");
                check_config(config);
        }
        config_free(config);
        config_messages_deinit(&messages);
        for (char **variable = variables; *variable; variable++)
                free(*variable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice text = input_of(data, size);

        if (has_prefix(text, SLICE("BEARERD_")))
                check_environment(text);
        else
                check_file(text);
        return 0;
}
