/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/timespan.h"
#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"
#include "client/bearerctl_json.h"
#include "client/status.h"

static int result_of_status(int status) {
        switch (status) {
        case 200:
                return 0;
        case 403:
                return BEARER_E_FORBIDDEN;
        case 429:
                return BEARER_E_BUSY;
        case 503:
                return BEARER_E_UNAVAILABLE;
        default:
                return BEARER_E_PROTOCOL;
        }
}

/* Takes RESPONSE's status as it is. */
static int take(struct http1_response *response, struct status *status) {
        int r = result_of_status(response->status);

        if (r != 0)
                return r;
        status->body = response->body;
        status->answer = ctl_json_parse(response->body);
        if (status->is_full && !ctl_json_is_status(status->answer))
                return BEARER_E_PROTOCOL;
        return ctl_json_tokens(status->answer, &status->tokens) ? 0 : BEARER_E_PROTOCOL;
}

/* As workers see it. */
static int ask_token_socket(const struct ctl *ctl, struct status *status) {
        struct http1_response response;
        struct sockaddr_un address;
        int r = address_resolve(ctl->socket, &address);

        if (r == 0)
                r = ask(&address, "GET", "/v1/tokens", NULL, &status->connection, &response);
        return r != 0 ? r : take(&response, status);
}

static bool is_set(const char *variable) {
        const char *value = secure_getenv(variable);

        return value && *value;
}

/* Who says where workers ask, and not where operators do, means another bearerd, perhaps. */
static bool wants_control(const struct ctl *ctl) {
        return ctl->control || is_set(CONTROL_ENVIRONMENT) ||
               (!ctl->socket && !is_set(ADDRESS_ENVIRONMENT));
}

int status_ask_operator(const struct ctl *ctl, struct status *ret_status) {
        struct http1_response response;
        int r;

        *ret_status = (struct status){.is_full = true};
        r = ctl_control_ask(ctl, "GET", "/v1/status", NULL, &ret_status->connection, &response);
        if (r != 0)
                return r;
        return response.status == 200 ? take(&response, ret_status) : BEARER_E_PROTOCOL;
}

int status_ask(const struct ctl *ctl, struct status *ret_status) {
        int r = wants_control(ctl) ? status_ask_operator(ctl, ret_status) : -ENOENT;

        if (ctl->control || (r != -EACCES && r != -ENOENT && r != -ECONNREFUSED))
                return r;
        *ret_status = STATUS_INIT;
        return ask_token_socket(ctl, ret_status);
}

void status_deinit(struct status *status) {
        cleanup_json(&status->answer);
        connection_free(status->connection);
        *status = STATUS_INIT;
}

const char *status_advice(const struct status *status, int r) {
        return status->is_full ? ctl_control_advice(r) : ctl_advice(r);
}

int status_fail(const struct ctl *ctl, const struct status *status, int r) {
        if (status->is_full)
                return ctl_control_fail(ctl, r);
        return r == BEARER_E_UNAVAILABLE ? ctl_fail_unconfigured() : ctl_fail(ctl, r);
}

static void write_number(struct buffer *out, uint64_t n, const char *what) {
        buffer_printf(out, "%" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

void status_write_peers(struct buffer *out, struct json_object *answer) {
        struct json_object *peers = ctl_json_object(answer, "peers");

        write_number(out, ctl_json_number(peers, "connections"), "connection");
        buffer_append_text(out, " of ");
        write_number(out, ctl_json_number(peers, "users"), "user");
}

void status_write_budget(struct buffer *out, struct json_object *token) {
        struct json_object *budget = ctl_json_object(token, "budget");
        uint64_t left = ctl_json_number(budget, "left"), limit = ctl_json_number(budget, "limit");

        if (left != NEVER && limit != NEVER)
                buffer_printf(out, "%" PRIu64 " of %" PRIu64, left, limit);
}

void status_write_next(struct buffer *out, struct json_object *token) {
        uint64_t seconds = ctl_json_number(token, "next_attempt");

        if (ctl_json_flag(token, "fetching")) {
                buffer_append_text(out, "under way");
        } else if (seconds == NEVER) {
                buffer_append_text(out, "when asked for");
        } else {
                buffer_append_text(out, "in ");
                ctl_span(out, seconds);
        }
}

/* Of what bearerd has no words for. */
static void write_upstream(struct buffer *out, struct json_object *error) {
        uint64_t status = ctl_json_number(error, "upstream_status");
        const char *code = ctl_json_text(error, "upstream_error");

        if (status == NEVER && !*code)
                return;
        buffer_append_text(out, " (");
        if (status != NEVER)
                buffer_printf(out, "HTTP %" PRIu64 "%s", status, *code ? " " : "");
        ctl_json_show(out, code);
        buffer_append_char(out, ')');
}

void status_write_error(struct buffer *out, struct json_object *token) {
        struct json_object *error = ctl_json_object(token, "last_error");
        const char *message = ctl_json_text(error, "message");

        ctl_json_show(out, ctl_json_text(error, "kind"));
        if (ctl_json_number(token, "failures") == 0)
                buffer_append_text(out, ", over");
        if (*message) {
                buffer_append_text(out, ": ");
                ctl_json_show(out, message);
        } else {
                write_upstream(out, error);
        }
}

void status_write_trouble(struct buffer *out, struct json_object *token) {
        struct json_object *error = ctl_json_object(token, "last_error");

        if (!error)
                return;
        if (ctl_json_number(error, "age") != NEVER) {
                ctl_span(out, ctl_json_number(error, "age"));
                buffer_append_text(out, " ago, ");
        }
        status_write_error(out, token);
}
