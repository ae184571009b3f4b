/* SPDX-License-Identifier: MIT */
#include "wire/metrics.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* The label of a token alone. */
#define ABOUT(token) ((const struct label[]){{"token", (token)->status.name}, {NULL, NULL}})

/* ---- of each token ---- */

static void write_valid(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_span(writer, ABOUT(token), token->valid_for);
}

/* Without a token there is none: 0 would be in 1970. */
static void write_expiry(struct openmetrics *writer, const struct control_token *token) {
        if (token->status.valid)
                openmetrics_integer(writer, ABOUT(token), token->status.expires_at);
}

static void write_generation(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_integer(writer, ABOUT(token), token->status.generation);
}

static void write_failures(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_integer(writer, ABOUT(token), token->status.failures);
}

static void write_waiting(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_integer(writer, ABOUT(token), token->status.waiting);
}

static void write_streams(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_integer(writer, ABOUT(token), token->status.streams);
}

static void write_events(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_integer(writer, ABOUT(token), token->tally->news);
}

static void write_left(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_integer(writer, ABOUT(token), token->budget_left);
}

static void write_limit(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_integer(writer, ABOUT(token), token->budget_limit);
}

static void write_renewals(struct openmetrics *writer, const struct control_token *token) {
        for (int kind = 0; kind < N_OUTCOME_KINDS; kind++) {
                const struct label labels[] = {
                        {"token", token->status.name},
                        {"outcome", control_outcome_name((enum outcome_kind)kind)},
                        {NULL, NULL},
                };

                openmetrics_integer(writer, labels, token->tally->attempts[kind]);
        }
}

static void write_durations(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_histogram(writer, ABOUT(token), &token->tally->durations);
}

static void write_waits(struct openmetrics *writer, const struct control_token *token) {
        openmetrics_histogram(writer, ABOUT(token), &token->tally->waits);
}

static const struct {
        struct metric metric;
        void (*write)(struct openmetrics *writer, const struct control_token *token);
} of_tokens[] = {
        {{"bearerd_token_valid_seconds", METRIC_GAUGE, "seconds",
          "Time until the token expires; 0 if there is none to hand out."},
         write_valid},
        {{"bearerd_token_expiry_timestamp_seconds", METRIC_GAUGE, "seconds",
          "Unix time when the token expires; absent if there is none to hand out."},
         write_expiry},
        {{"bearerd_token_generation", METRIC_GAUGE, NULL,
          "Number of the token, which changes with it and only rises."},
         write_generation},
        {{"bearerd_token_consecutive_failures", METRIC_GAUGE, NULL,
          "Attempts to renew the token that have failed in a row, in the same way."},
         write_failures},
        {{"bearerd_waiting_requests", METRIC_GAUGE, NULL, "Requests that wait for the token."},
         write_waiting},
        {{"bearerd_event_streams", METRIC_GAUGE, NULL, "Streams of the token's events."},
         write_streams},
        {{"bearerd_events", METRIC_COUNTER, NULL,
          "New generations of the token that were told on streams of its events."},
         write_events},
        {{"bearerd_budget_requests_left", METRIC_GAUGE, NULL,
          "Requests that may still be sent to the token endpoint, of those of any 60 s."},
         write_left},
        {{"bearerd_budget_requests_limit", METRIC_GAUGE, NULL,
          "Requests that may be sent to the token endpoint in any 60 s."},
         write_limit},
        {{"bearerd_renewals", METRIC_COUNTER, NULL,
          "Attempts to get or renew the token that have ended, by their outcome."},
         write_renewals},
        {{"bearerd_fetch_duration_seconds", METRIC_HISTOGRAM, "seconds",
          "How long attempts to get or renew the token took."},
         write_durations},
        {{"bearerd_request_wait_seconds", METRIC_HISTOGRAM, "seconds",
          "How long requests for the token waited in bearerd for their reply."},
         write_waits},
};

/* ---- of replies, with those that are about no token ---- */

static void write_replies_of(struct openmetrics *writer, const char *name,
                             const struct tally *tally, bool (*is_told)(enum reply_kind kind)) {
        for (int kind = 0; kind < N_REPLY_KINDS; kind++) {
                const struct label labels[] = {
                        {"token", name},
                        {"reply", control_reply_name((enum reply_kind)kind)},
                        {NULL, NULL},
                };

                if (is_told((enum reply_kind)kind))
                        openmetrics_integer(writer, labels, tally->replies[kind]);
        }
}

static void write_replies(struct openmetrics *writer, const struct control_status *status) {
        static const struct metric metric = {
                "bearerd_replies", METRIC_COUNTER, NULL,
                "What requests for the token got; without the label token: those about no token."};

        openmetrics_begin(writer, &metric);
        for (size_t i = 0; i < status->n_tokens; i++)
                write_replies_of(writer, status->tokens[i].status.name, status->tokens[i].tally,
                                 control_reply_has_token);
        write_replies_of(writer, "", status->tally, control_reply_has_none);
}

/* ---- of bearerd as a whole ---- */

static void write_build(struct openmetrics *writer, const struct control_status *status) {
        static const struct metric metric = {"bearerd_build", METRIC_INFO, NULL,
                                             "The version that runs."};
        const struct label labels[] = {{"version", status->version}, {NULL, NULL}};

        openmetrics_begin(writer, &metric);
        openmetrics_integer(writer, labels, 1);
}

static void write_plain(struct openmetrics *writer, const struct control_status *status) {
        const struct {
                struct metric metric;
                uint64_t value;
        } plain[] = {
                {{"bearerd_start_time_seconds", METRIC_GAUGE, "seconds",
                  "Unix time when bearerd was started; counters began at 0 then."},
                 status->started_at},
                {{"bearerd_config_last_load_successful", METRIC_GAUGE, NULL,
                  "Whether the configuration was right when it was read last."},
                 status->is_config_right},
                {{"bearerd_connections", METRIC_GAUGE, NULL, "Connections of workers."},
                 status->peers->connections},
                {{"bearerd_connections_limit", METRIC_GAUGE, NULL,
                  "Connections of workers that there may be at once."},
                 status->peers->connections_max},
                {{"bearerd_connections_rush", METRIC_GAUGE, NULL,
                  "Whether connections come faster than they are accepted, or did until a minute or two "
                  "ago."},
                 status->peers->rush},
                {{"bearerd_users", METRIC_GAUGE, NULL, "Users who have connections."},
                 status->peers->users},
                {{"bearerd_connections_accepted", METRIC_COUNTER, NULL,
                  "Connections of workers that were accepted."},
                 status->peers->accepted},
                {{"bearerd_connections_turned_away", METRIC_COUNTER, NULL,
                  "Connections that were refused, because their user had too many."},
                 status->peers->turned_away},
        };

        for (size_t i = 0; i < LENGTH(plain); i++) {
                openmetrics_begin(writer, &plain[i].metric);
                openmetrics_integer(writer, NULL, plain[i].value);
        }
}

void metrics_render(struct buffer *out, const struct control_status *status,
                    enum openmetrics_format format, enum http1_keep_alive keep_alive) {
        struct openmetrics writer = {out, format};
        size_t start = out->size;

        write_build(&writer, status);
        write_plain(&writer, status);
        for (size_t i = 0; i < LENGTH(of_tokens); i++) {
                openmetrics_begin(&writer, &of_tokens[i].metric);
                for (size_t k = 0; k < status->n_tokens; k++)
                        of_tokens[i].write(&writer, &status->tokens[k]);
        }
        write_replies(&writer, status);
        openmetrics_end(&writer);
        response_put_head(out, start,
                          &(struct response){200, openmetrics_content_type(format),
                                             .keep_alive = keep_alive});
}
