/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "config_file.h"
#include "fetch/attempt.h"
#include "fetch/credentials.h"
#include "fetch/discovery.h"
#include "fetch/proxy.h"
#include "fetch/request.h"
#include "fetch/way.h"

/* The request keeps its own deadline; what hangs for longer than that and this many seconds is
 * ended by the kernel (alarm(2)), and bearerd sees that the attempt was lost. */
#define ALARM_SLACK 3

static const char *first_error(const struct config_messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                if (messages->list[i].is_error)
                        return messages->list[i].text;
        return "it cannot be read";
}

static int load_configuration(const char *file, struct config **ret_config,
                              struct outcome *outcome) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        int r = config_file_read(file, &messages, ret_config);

        if (r == -EINVAL && messages.n_errors > 1)
                outcome_explain(outcome,
                                "%.150s; %zu mistakes in all, bearerd-fetch --check-config "
                                "shows them",
                                first_error(&messages), messages.n_errors);
        else if (r == -EINVAL)
                outcome_explain(outcome, "%s", first_error(&messages));
        if (r == -EINVAL)
                outcome->kind = OUTCOME_MISCONFIGURED;
        config_messages_deinit(&messages);
        return r;
}

static void tell_certificate(const char *name, const struct credentials *credentials) {
        char warning[CREDENTIALS_WARNING_SIZE];
        struct log_message message;

        if (!credentials_warning(credentials, warning))
                return;
        log_begin(&message, MESSAGE_FETCH_EXPIRING);
        log_field(&message, "BEARERD_TOKEN", "%s", name);
        log_send(&message, "token %s: %s", name, warning);
}

/* TOKEN with the endpoint that its issuer names, and the time that is left. */
static int resolve(const struct config_token *token, const struct proxy *proxy, char *url,
                   struct config_token *ret_token, struct outcome *outcome) {
        uint64_t start = clock_now(), spent;
        int r = discovery_find(token, proxy, url, outcome);

        if (r < 0)
                return r;
        spent = clock_now() - start;
        *ret_token = *token;
        ret_token->token_url = url;
        ret_token->timeout = token->timeout - time_min(spent, token->timeout);
        return 0;
}

/* TOKEN has a token_url. */
static int ask(const struct config_token *token, const struct proxy *proxy, const char *url_key,
               struct outcome *outcome) {
        _cleanup_(credentials_deinit) struct credentials credentials = CREDENTIALS_INIT;
        int r = credentials_load(token, &credentials, outcome);

        if (r < 0)
                return r;
        tell_certificate(token->name, &credentials);
        request_perform(token, &credentials, proxy, url_key, outcome);
        return 0;
}

static int discover_and_ask(const struct config_token *token, const struct proxy *proxy,
                            struct outcome *outcome) {
        char url[URL_SIZE_MAX + 1];
        struct config_token resolved;
        int r = resolve(token, proxy, url, &resolved, outcome);

        if (r < 0)
                return r;
        r = ask(&resolved, proxy, "issuer", outcome);
        if (outcome->kind == OUTCOME_FAILED || outcome->kind == OUTCOME_DENIED)
                discovery_doubt(token);
        return r;
}

static int perform(const struct config_token *token, struct outcome *outcome) {
        _cleanup_(proxy_deinit) struct proxy proxy = PROXY_INIT;
        int r = proxy_load(token, &proxy, outcome);

        if (r < 0)
                return r;
        alarm((unsigned)time_seconds_up(token->timeout) + ALARM_SLACK);
        if (!way_begin()) {
                outcome_explain(outcome, "libcurl cannot start: it is tried again");
                return -EINVAL;
        }
        r = *token->token_url ? ask(token, &proxy, "token_url", outcome)
                              : discover_and_ask(token, &proxy, outcome);
        way_end();
        return r;
}

int attempt_find(const char *file, const char *name, struct config **ret_config,
                 const struct config_token **ret_token, struct outcome *outcome) {
        _cleanup_(cleanup_config) struct config *config = NULL;
        const struct config_token *token;
        int r;

        r = load_configuration(file, &config, outcome);
        if (r < 0)
                return r;
        token = config_find(config, name);
        if (!token) {
                outcome->kind = OUTCOME_MISCONFIGURED;
                outcome_explain(outcome, "the configuration has no token %s: reload bearerd", name);
                return -EINVAL;
        }
        *ret_config = config;
        *ret_token = token;
        config = NULL; /* consumed */
        return 0;
}

static int make(const char *file, const char *name, struct outcome *outcome) {
        _cleanup_(cleanup_config) struct config *config = NULL;
        const struct config_token *token;
        int r = attempt_find(file, name, &config, &token, outcome);

        return r < 0 ? r : perform(token, outcome);
}

void attempt_make(const char *file, const char *name, struct outcome *ret_outcome) {
        int r;

        *ret_outcome = OUTCOME_INIT;
        r = make(file, name, ret_outcome);
        if (r == -ENOMEM)
                outcome_explain(ret_outcome, "bearerd-fetch is out of memory");
        else if (file_is_short(r))
                outcome_explain(ret_outcome, "bearerd-fetch cannot open files: %s", strerror(-r));
}
