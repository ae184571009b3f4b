/* SPDX-License-Identifier: MIT */
/* bearerctl_status - the command that shows how the tokens are, as a table: GET /v1/status for who
 * may use the control socket, else GET /v1/tokens. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/timespan.h"
#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"
#include "client/bearerctl.h"
#include "client/bearerctl_json.h"
#include "client/output.h"
#include "wire/http1.h"

#define COLUMN_GAP 2

enum column {
        COLUMN_NAME,
        COLUMN_VALID,
        COLUMN_NEXT,
        COLUMN_WAITING,
        COLUMN_BUDGET, /* on the control socket alone */
        COLUMN_TROUBLE,
        N_COLUMNS,
};

static void write_name(struct buffer *out, struct json_object *token) {
        ctl_json_show(out, ctl_json_text(token, "name"));
        if (ctl_json_flag(token, "is_default"))
                buffer_append_text(out, " (default)");
}

static void write_date(struct buffer *out, uint64_t seconds) {
        time_t time = (time_t)seconds;
        char text[64];
        struct tm tm;

        if (seconds > INT64_MAX || !localtime_r(&time, &tm) ||
            strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                buffer_append_char(out, '?');
        else
                buffer_append_text(out, text);
}

static void write_valid(struct buffer *out, struct json_object *token) {
        uint64_t expires_in = ctl_json_number(token, "expires_in");

        if (!ctl_json_flag(token, "valid")) {
                buffer_append_text(out, "no token");
                return;
        }
        write_date(out, ctl_json_number(token, "expires_at"));
        if (expires_in != NEVER) {
                buffer_append_text(out, ", for ");
                ctl_span(out, expires_in);
        }
}

static void write_next(struct buffer *out, struct json_object *token) {
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

/* What the endpoint said belongs to what bearerd says about it. */
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

static void write_trouble(struct buffer *out, struct json_object *token) {
        struct json_object *error;
        const char *message;

        if (!json_object_object_get_ex(token, "last_error", &error)) {
                buffer_append_text(out, "none");
                return;
        }
        message = ctl_json_text(error, "message");
        if (ctl_json_number(error, "age") != NEVER) {
                ctl_span(out, ctl_json_number(error, "age"));
                buffer_append_text(out, " ago");
                buffer_append_text(out,
                                   ctl_json_number(token, "failures") == 0 ? ", over: " : ": ");
        }
        ctl_json_show(out, ctl_json_text(error, "kind"));
        write_upstream(out, error);
        if (*message) {
                buffer_append_text(out, ": ");
                ctl_json_show(out, message);
        }
}

static void write_waiting(struct buffer *out, struct json_object *token) {
        uint64_t waiting = ctl_json_number(token, "waiting");

        if (waiting != NEVER)
                buffer_printf(out, "%" PRIu64, waiting);
}

static void write_budget(struct buffer *out, struct json_object *token) {
        struct json_object *budget = ctl_json_object(token, "budget");
        uint64_t left = ctl_json_number(budget, "left"), limit = ctl_json_number(budget, "limit");

        if (left != NEVER && limit != NEVER)
                buffer_printf(out, "%" PRIu64 " of %" PRIu64, left, limit);
}

static void write_cell(struct buffer *out, struct json_object *token, enum column column) {
        static const char *const heads[N_COLUMNS] = {"TOKEN",   "VALID UNTIL", "NEXT RENEWAL",
                                                     "WAITING", "BUDGET",      "LAST TROUBLE"};
        static void (*const writers[N_COLUMNS])(struct buffer *, struct json_object *) = {
                write_name, write_valid, write_next, write_waiting, write_budget, write_trouble};

        if (token)
                writers[column](out, token);
        else
                buffer_append_text(out, heads[column]);
}

static size_t cell_width(struct json_object *token, enum column column) {
        _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(OUTPUT_MAX);

        write_cell(&cell, token, column);
        return cell.size;
}

static size_t column_width(struct json_object *tokens, enum column column) {
        size_t width = cell_width(NULL, column);

        for (size_t i = 0; i < json_object_array_length(tokens); i++) {
                size_t cell = cell_width(json_object_array_get_idx(tokens, i), column);

                width = cell > width ? cell : width;
        }
        return width;
}

/* A column of width 0 is left out. */
static void write_row(struct buffer *out, struct json_object *token, const size_t *widths) {
        for (enum column column = 0; column < N_COLUMNS; column++) {
                size_t first = out->size;

                if (widths[column] == 0)
                        continue;
                write_cell(out, token, column);
                while (column + 1 < N_COLUMNS && buffer_error(out) == 0 &&
                       out->size < first + widths[column] + COLUMN_GAP)
                        buffer_append_char(out, ' ');
        }
        buffer_append_char(out, '\n');
}

/* IS_FULL: for operators. */
static void write_table(struct buffer *out, struct json_object *tokens, bool is_full) {
        size_t widths[N_COLUMNS];

        for (enum column column = 0; column < N_COLUMNS; column++)
                widths[column] = column_width(tokens, column);
        if (!is_full)
                widths[COLUMN_WAITING] = widths[COLUMN_BUDGET] = 0;
        write_row(out, NULL, widths);
        for (size_t i = 0; i < json_object_array_length(tokens); i++)
                write_row(out, json_object_array_get_idx(tokens, i), widths);
}

/* "1 connection", "2 connections". */
static void write_number(struct buffer *out, uint64_t n, const char *what) {
        buffer_printf(out, "%" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

/* What the control socket says besides. */
static void write_rest(struct buffer *out, struct json_object *answer) {
        struct json_object *peers = ctl_json_object(answer, "peers");
        uint64_t connections = ctl_json_number(peers, "connections");
        uint64_t users = ctl_json_number(peers, "users");

        if (connections != NEVER && users != NEVER) {
                buffer_append_char(out, '\n');
                write_number(out, connections, "connection");
                buffer_append_text(out, " of ");
                write_number(out, users, "user");
                if (ctl_json_number(answer, "uptime") != NEVER) {
                        buffer_append_text(out, "; bearerd runs for ");
                        ctl_span(out, ctl_json_number(answer, "uptime"));
                }
                buffer_append_text(out, ".\n");
        }
        if (!ctl_json_flag(answer, "config_right"))
                buffer_append_text(out, "The configuration that was read last is wrong: the one "
                                        "before counts. 'bearerd --check-config' says why.\n");
}

/* The exit status; < 0: what is there is no status. */
static int write_status(const struct ctl *ctl, struct slice body, bool is_full,
                        struct buffer *out) {
        _cleanup_json_ struct json_object *answer = ctl_json_parse(body);
        struct json_object *tokens;

        if (!ctl_json_tokens(answer, &tokens))
                return -EBADMSG;
        if (ctl->json) {
                buffer_append_slice(out, body);
                buffer_append_char(out, '\n');
                return EX_OK;
        }
        if (is_full && !ctl_json_is_status(answer))
                return -EBADMSG;
        if (is_full && !ctl_json_flag(answer, "configured"))
                return ctl_fail_unconfigured();
        if (json_object_array_length(tokens) == 0)
                buffer_append_text(out, "There is no token that this user may have.\n");
        else
                write_table(out, tokens, is_full);
        if (is_full)
                write_rest(out, answer);
        return EX_OK;
}

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

/* As workers see it. */
static int status_of_token_socket(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        struct http1_response response;
        struct sockaddr_un address;
        int r = address_resolve(ctl->socket, &address), status;

        if (r == 0)
                r = ask(&address, "GET", "/v1/tokens", NULL, &connection, &response);
        if (r == 0)
                r = result_of_status(response.status);
        if (r == BEARER_E_UNAVAILABLE)
                return ctl_fail_unconfigured();
        if (r != 0)
                return ctl_fail(ctl, r);
        status = write_status(ctl, response.body, false, out);
        return status < 0 ? ctl_fail(ctl, BEARER_E_PROTOCOL) : status;
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

/* The whole of it for who may have it. */
int ctl_status(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        struct http1_response response;
        int r, status;

        if (!wants_control(ctl))
                return status_of_token_socket(ctl, out);
        r = ctl_control_ask(ctl, "GET", "/v1/status", NULL, &connection, &response);
        if (!ctl->control && (r == -EACCES || r == -ENOENT || r == -ECONNREFUSED))
                return status_of_token_socket(ctl, out);
        if (r == 0 && response.status != 200)
                r = BEARER_E_PROTOCOL;
        if (r != 0)
                return ctl_control_fail(ctl, r);
        status = write_status(ctl, response.body, true, out);
        return status < 0 ? ctl_control_fail(ctl, BEARER_E_PROTOCOL) : status;
}
