/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config_file.h"
#include "fetch/check.h"
#include "fetch/credentials.h"
#include "fetch/proxy.h"

static const char *name_of(const char *file) {
        return file ? file : "environment";
}

static int check_credentials(const char *file, const struct config_token *token) {
        _cleanup_(credentials_deinit) struct credentials credentials = CREDENTIALS_INIT;
        _cleanup_(proxy_deinit) struct proxy proxy = PROXY_INIT;
        char warning[CREDENTIALS_WARNING_SIZE];
        struct outcome outcome = OUTCOME_INIT;
        int r = proxy_load(token, &proxy, &outcome);

        if (r == 0)
                r = credentials_load(token, &credentials, &outcome);
        if (r == 0 && credentials_warning(&credentials, warning))
                fprintf(stderr, "warning: %s: [token %s] %s\n", name_of(file), token->name,
                        warning);
        if (r == -EINVAL)
                fprintf(stderr, "%s: [token %s] %s\n", name_of(file), token->name, outcome.message);
        return r;
}

static int check_authorities(const char *file, const struct config_token *token) {
        if (!*token->tls_ca_file || access(token->tls_ca_file, R_OK) == 0)
                return 0;
        fprintf(stderr, "%s: [token %s] tls_ca_file %s cannot be read: %s\n", name_of(file),
                token->name, token->tls_ca_file, strerror(errno));
        return -EINVAL;
}

static int check_token(const char *file, const struct config_token *token) {
        int r = check_credentials(file, token);

        if (r < 0 && r != -EINVAL)
                return r;
        return check_authorities(file, token) < 0 ? -EINVAL : r;
}

static int check_tokens(const char *file, const struct config *config) {
        int result = 0;

        for (size_t i = 0; i < config->n_tokens; i++) {
                int r = check_token(file, &config->tokens[i]);

                if (r < 0 && r != -EINVAL)
                        return r;
                if (r < 0)
                        result = r;
        }
        if (result == 0)
                printf("%s: %zu token%s, all good\n", name_of(file), config->n_tokens,
                       config->n_tokens == 1 ? "" : "s");
        return result;
}

int check_configuration(const char *file) {
        _cleanup_(cleanup_config) struct config *config = NULL;
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        int r = config_file_read(file, &messages, &config);

        for (size_t i = 0; i < messages.n; i++)
                fprintf(stderr, "%s%s\n",
                        messages.list[i].is_error ? "" : "warning: ", messages.list[i].text);
        config_messages_deinit(&messages);
        return r < 0 ? r : check_tokens(file, config);
}
