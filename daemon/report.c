/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "answer.h"
#include "base/cleanup.h"
#include "report.h"
#include "wire/metrics.h"

/* ---- status and metrics ---- */

static struct control_token control_token(const struct broker *broker,
                                          const struct broker_token *token, uint64_t now) {
        const struct lease *lease = &token->lease;
        const struct budget *budget = &token->account->budget;
        uint64_t next = budget_next(budget, now);

        return (struct control_token){
                .status = answer_token_status(broker, token, now),
                .valid_for = lease_is_usable(lease, now) ? time_until(lease->expires_at, now) : 0,
                .budget_limit = budget->per_minute,
                .budget_left = budget_left(budget, now),
                .budget_next = next == NEVER ? NEVER : time_seconds_up(time_until(next, now)),
                .tally = &token->tally,
        };
}

/* With the tokens, in LIST, which is the caller's. False: no memory, which OUT says. */
static bool fill_in(struct buffer *out, const struct broker *broker, struct control_status *status,
                    struct control_token **ret_list, uint64_t now) {
        struct control_token *list = calloc(broker->n_tokens + 1, sizeof *list);

        if (!list) {
                out->error = -ENOMEM;
                return false;
        }
        for (size_t i = 0; broker->is_configured && i < broker->n_tokens; i++)
                list[status->n_tokens++] = control_token(broker, broker->tokens[i], now);
        status->is_configured = broker->is_configured;
        status->tokens = list;
        status->tally = &broker->tally;
        *ret_list = list;
        return true;
}

void report_status(struct buffer *out, const struct broker *broker,
                   const struct control_status *status, enum http1_keep_alive keep_alive,
                   uint64_t now) {
        _cleanup_free_ struct control_token *list = NULL;
        struct control_status filled = *status;

        if (fill_in(out, broker, &filled, &list, now))
                control_status_render(out, &filled, keep_alive);
}

void report_metrics(struct buffer *out, const struct broker *broker,
                    const struct control_status *status, enum openmetrics_format format,
                    enum http1_keep_alive keep_alive, uint64_t now) {
        _cleanup_free_ struct control_token *list = NULL;
        struct control_status filled = *status;

        if (fill_in(out, broker, &filled, &list, now))
                metrics_render(out, &filled, format, keep_alive);
}

/* ---- refresh ---- */

/* What holds off the next attempt for longest: a refresh ends all but these. */
static const char *why_later(const struct broker *broker, const struct broker_token *token,
                             uint64_t now) {
        const struct lease *lease = &token->lease;
        uint64_t at = lease_next_attempt(lease);

        if (at <= now || broker_next_attempt(broker, token, now) > at)
                return "budget";
        return lease->retry_after_until == at ? "retry_after" : "spacing";
}

struct control_refresh report_refresh(struct broker *broker, struct broker_token *token,
                                      uint64_t now) {
        struct control_refresh refresh = {.name = token->name, .renewal = CONTROL_FOLLOWS};
        bool is_under_way = lease_in_flight(&token->lease);
        uint64_t next;

        broker_refresh(broker, token, now);
        if (is_under_way)
                return refresh;
        refresh.renewal = CONTROL_STARTED;
        if (lease_in_flight(&token->lease))
                return refresh;
        next = broker_next_attempt(broker, token, now);
        refresh.renewal = CONTROL_LATER;
        refresh.next_attempt = next == NEVER ? NEVER : time_seconds_up(time_until(next, now));
        refresh.waits_for = why_later(broker, token, now);
        return refresh;
}

void report_no_token(struct buffer *out, const struct broker *broker, const char *name,
                     enum http1_keep_alive keep_alive) {
        struct api_error error;

        if (broker->is_configured)
                api_error_set(&error, 404, "unknown_token", "there is no token \"%s\"", name);
        else
                api_error_set(&error, 503, "temporarily_unavailable",
                              "the configuration is wrong, so that there are no tokens");
        api_error_render(out, &error, keep_alive);
}
