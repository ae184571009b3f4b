/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "wire/control.h"
#include "wire/route.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* ---- requests ---- */

static const struct control_way {
        struct route route;
        enum control_route leads_to;
} ways[] = {
        {{false, "/v1/status", "GET"}, CONTROL_STATUS},
        {{false, "/metrics", "GET"}, CONTROL_METRICS},
        {{true, "/refresh", "POST"}, CONTROL_REFRESH},
};

/* The first one that is known decides; weights are not looked at. */
static enum openmetrics_format read_accept(struct slice accept) {
        static const char *const older[] = {"text/plain", "text/*", "*/*"};
        struct slice range;

        while (slice_cut(&accept, ',', &range)) {
                range = http1_media_type(range);
                if (slice_is_nocase(range, "application/openmetrics-text"))
                        return OPENMETRICS_1_0;
                for (size_t i = 0; i < LENGTH(older); i++)
                        if (slice_is_nocase(range, older[i]))
                                return OPENMETRICS_PROMETHEUS;
        }
        return OPENMETRICS_PROMETHEUS;
}

int control_request_parse(const struct http1_request *http, struct control_request *ret_request,
                          struct api_error *ret_error) {
        struct control_request request = {0};
        const struct control_way *way;

        way = route_find(http, &ways->route, sizeof *ways, LENGTH(ways),
                         "/v1/status, /metrics and /v1/tokens/NAME/refresh", request.name,
                         ret_error);
        if (!way)
                return -EBADMSG;
        if (http->query.size > 0)
                return api_error_set(ret_error, 400, "invalid_request",
                                     "this path has no query parameters");
        if (http->body.size > 0)
                return api_error_set(ret_error, 400, "invalid_request", "this request has no body");
        request.route = way->leads_to;
        request.format = read_accept(http->accept);
        *ret_request = request;
        return 0;
}

/* ---- what things are called ---- */

static const struct {
        const char *name;
        bool has_token, has_none;
} replies[] = {
        [REPLY_WAIT] = {"wait", false, false},
        [REPLY_TOKEN] = {"token", true, false},
        [REPLY_UNCONFIGURED] = {"unconfigured", false, true},
        [REPLY_AMBIGUOUS] = {"ambiguous", false, true},
        [REPLY_FORBIDDEN] = {"forbidden", true, true},
        [REPLY_UNKNOWN] = {"unknown", false, true},
        [REPLY_PAUSED] = {"paused", true, false},
        [REPLY_CROWDED] = {"crowded", true, false},
        [REPLY_DENIED] = {"denied", true, false},
        [REPLY_UNAVAILABLE] = {"unavailable", true, false},
        [REPLY_TIMEOUT] = {"timeout", true, false},
};

const char *control_reply_name(enum reply_kind kind) {
        return replies[kind].name;
}

bool control_reply_has_token(enum reply_kind kind) {
        return replies[kind].has_token;
}

bool control_reply_has_none(enum reply_kind kind) {
        return replies[kind].has_none;
}

const char *control_outcome_name(enum outcome_kind kind) {
        static const char *const names[] = {
                [OUTCOME_FAILED] = "failed",
                [OUTCOME_GRANTED] = "granted",
                [OUTCOME_DENIED] = "denied",
                [OUTCOME_MISCONFIGURED] = "misconfigured",
        };

        return names[kind];
}

/* ---- status ---- */

static void write_replies(struct json_writer *json, const struct tally *tally,
                          bool (*is_told)(enum reply_kind kind)) {
        json_begin(json, "replies", '{');
        for (int kind = 0; kind < N_REPLY_KINDS; kind++)
                if (is_told((enum reply_kind)kind))
                        json_integer(json, control_reply_name((enum reply_kind)kind),
                                     tally->replies[kind]);
        json_end(json, '}');
}

static void write_renewals(struct json_writer *json, const struct tally *tally) {
        json_begin(json, "renewals", '{');
        for (int kind = 0; kind < N_OUTCOME_KINDS; kind++)
                json_integer(json, control_outcome_name((enum outcome_kind)kind),
                             tally->attempts[kind]);
        json_end(json, '}');
}

static void write_token(struct json_writer *json, const struct control_token *token) {
        json_begin(json, NULL, '{');
        api_status_write(json, &token->status);
        json_begin(json, "budget", '{');
        json_integer(json, "limit", token->budget_limit);
        json_integer(json, "left", token->budget_left);
        json_known(json, "next", token->budget_next);
        json_end(json, '}');
        json_begin(json, "counters", '{');
        write_replies(json, token->tally, control_reply_has_token);
        write_renewals(json, token->tally);
        json_integer(json, "events", token->tally->news);
        json_end(json, '}');
        json_end(json, '}');
}

static void write_user(struct json_writer *json, const struct control_user *user) {
        json_begin(json, NULL, '{');
        json_integer(json, "uid", user->uid);
        json_integer(json, "connections", user->connections);
        json_integer(json, "waiting", user->waiting);
        json_end(json, '}');
}

static void write_peers(struct json_writer *json, const struct control_peers *peers) {
        json_begin(json, "peers", '{');
        json_integer(json, "connections", peers->connections);
        json_integer(json, "connections_max", peers->connections_max);
        json_integer(json, "waiting", peers->waiting);
        json_boolean(json, "rush", peers->rush);
        json_integer(json, "users", peers->users);
        json_begin(json, "most", '[');
        for (size_t i = 0; i < peers->n_most; i++)
                write_user(json, &peers->most[i]);
        json_end(json, ']');
        json_end(json, '}');
}

static void write_counters(struct json_writer *json, const struct control_status *status) {
        json_begin(json, "counters", '{');
        write_replies(json, status->tally, control_reply_has_none);
        json_integer(json, "connections_accepted", status->peers->accepted);
        json_integer(json, "connections_turned_away", status->peers->turned_away);
        json_end(json, '}');
}

static void write_config(struct json_writer *json, const struct control_status *status) {
        if (!status->config_file)
                return;
        json_begin(json, "config", '{');
        json_string(json, "file", slice_of(status->config_file));
        json_string(json, "identity", slice_of(status->config_identity));
        json_end(json, '}');
}

void control_status_render(struct buffer *out, const struct control_status *status,
                           enum http1_keep_alive keep_alive) {
        struct json_writer json = {out};
        size_t start = out->size;

        json_begin(&json, NULL, '{');
        json_integer(&json, "version", CONTROL_VERSION);
        json_string(&json, "bearerd", slice_of(status->version));
        json_integer(&json, "started_at", status->started_at);
        json_integer(&json, "uptime", status->uptime);
        json_boolean(&json, "configured", status->is_configured);
        json_boolean(&json, "config_right", status->is_config_right);
        write_config(&json, status);
        json_string(&json, "fetch", slice_of(status->fetch));
        json_begin(&json, "tokens", '[');
        for (size_t i = 0; i < status->n_tokens; i++)
                write_token(&json, &status->tokens[i]);
        json_end(&json, ']');
        write_peers(&json, status->peers);
        write_counters(&json, status);
        json_end(&json, '}');
        response_put_head(out, start,
                          &(struct response){200, RESPONSE_JSON, .keep_alive = keep_alive});
}

/* ---- refresh ---- */

void control_refresh_render(struct buffer *out, const struct control_refresh *refresh,
                            enum http1_keep_alive keep_alive) {
        static const char *const names[] = {
                [CONTROL_STARTED] = "started",
                [CONTROL_FOLLOWS] = "follows",
                [CONTROL_LATER] = "later",
        };
        struct json_writer json = {out};
        size_t start = out->size;

        json_begin(&json, NULL, '{');
        json_string(&json, "name", slice_of(refresh->name));
        json_string(&json, "renewal", slice_of(names[refresh->renewal]));
        if (refresh->renewal == CONTROL_LATER) {
                json_known(&json, "next_attempt", refresh->next_attempt);
                json_string(&json, "waits_for", slice_of(refresh->waits_for));
        }
        json_end(&json, '}');
        response_put_head(out, start,
                          &(struct response){202, RESPONSE_JSON, .keep_alive = keep_alive});
}
