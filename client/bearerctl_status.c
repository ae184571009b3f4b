/* SPDX-License-Identifier: MIT */
/* bearerctl_status - the command that shows how the tokens are: GET /v1/tokens as a table.
 *
 * What bearerd says is not trusted to be well-formed, nor to leave a terminal as it is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "bearer.h"
#include "client/address.h"
#include "client/bearerctl.h"
#include "client/clock.h"
#include "client/connection.h"
#include "client/output.h"
#include "wire/http1.h"

#define STATUS_TIMEOUT (5 * NSEC_PER_SEC)
#define STATUS_DEPTH   5 /* the answer, its list, a token, what went wrong with it, a value */
#define COLUMN_GAP     2

enum column { COLUMN_NAME, COLUMN_VALID, COLUMN_NEXT, COLUMN_TROUBLE, N_COLUMNS };

static void cleanup_json(struct json_object **object) {
        json_object_put(*object);
}

static void cleanup_tokener(struct json_tokener **tokener) {
        if (*tokener)
                json_tokener_free(*tokener);
}

#define _cleanup_json_ _cleanup_(cleanup_json)

/* All of TEXT is one document, or there is none. */
static struct json_object *parse(struct slice text) {
        _cleanup_(cleanup_tokener) struct json_tokener *tokener = NULL;
        struct json_object *object;

        tokener = json_tokener_new_ex(STATUS_DEPTH);
        if (!tokener)
                return NULL;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, text.data, (int)text.size);
        if (json_tokener_get_parse_end(tokener) == text.size)
                return object;
        json_object_put(object);
        return NULL;
}

/* "": none, or no string. */
static const char *text_of(struct json_object *object, const char *key) {
        struct json_object *value;

        if (!json_object_object_get_ex(object, key, &value) ||
            !json_object_is_type(value, json_type_string))
                return "";
        return json_object_get_string(value);
}

/* NEVER: none, or no number. */
static uint64_t number_of(struct json_object *object, const char *key) {
        struct json_object *value;

        if (!json_object_object_get_ex(object, key, &value) ||
            !json_object_is_type(value, json_type_int))
                return NEVER;
        return json_object_get_uint64(value);
}

static bool flag_of(struct json_object *object, const char *key) {
        struct json_object *value;

        return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

/* Shows what is printable, and no control sequence. */
static void write_text(struct buffer *out, const char *text) {
        for (; *text; text++)
                buffer_append_char(out, *text < ' ' || *text > '~' ? '?' : *text);
}

static void write_name(struct buffer *out, struct json_object *token) {
        write_text(out, text_of(token, "name"));
        if (flag_of(token, "is_default"))
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
        uint64_t expires_in = number_of(token, "expires_in");

        if (!flag_of(token, "valid")) {
                buffer_append_text(out, "no token");
                return;
        }
        write_date(out, number_of(token, "expires_at"));
        if (expires_in != NEVER) {
                buffer_append_text(out, ", for ");
                ctl_span(out, expires_in);
        }
}

static void write_next(struct buffer *out, struct json_object *token) {
        uint64_t seconds = number_of(token, "next_attempt");

        if (flag_of(token, "fetching")) {
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
        uint64_t status = number_of(error, "upstream_status");
        const char *code = text_of(error, "upstream_error");

        if (status == NEVER && !*code)
                return;
        buffer_append_text(out, " (");
        if (status != NEVER)
                buffer_printf(out, "HTTP %" PRIu64 "%s", status, *code ? " " : "");
        write_text(out, code);
        buffer_append_char(out, ')');
}

static void write_trouble(struct buffer *out, struct json_object *token) {
        struct json_object *error;
        const char *message;

        if (!json_object_object_get_ex(token, "last_error", &error)) {
                buffer_append_text(out, "none");
                return;
        }
        message = text_of(error, "message");
        if (number_of(error, "age") != NEVER) {
                ctl_span(out, number_of(error, "age"));
                buffer_append_text(out, " ago");
                buffer_append_text(out, number_of(token, "failures") == 0 ? ", over: " : ": ");
        }
        write_text(out, text_of(error, "kind"));
        write_upstream(out, error);
        if (*message) {
                buffer_append_text(out, ": ");
                write_text(out, message);
        }
}

static void write_cell(struct buffer *out, struct json_object *token, enum column column) {
        static const char *const heads[N_COLUMNS] = {"TOKEN", "VALID UNTIL", "NEXT RENEWAL",
                                                     "LAST TROUBLE"};
        static void (*const writers[N_COLUMNS])(struct buffer *, struct json_object *) = {
                write_name, write_valid, write_next, write_trouble};

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

static void write_row(struct buffer *out, struct json_object *token, const size_t *widths) {
        for (enum column column = 0; column < N_COLUMNS; column++) {
                size_t first = out->size;

                write_cell(out, token, column);
                while (column + 1 < N_COLUMNS && buffer_error(out) == 0 &&
                       out->size < first + widths[column] + COLUMN_GAP)
                        buffer_append_char(out, ' ');
        }
        buffer_append_char(out, '\n');
}

static void write_table(struct buffer *out, struct json_object *tokens) {
        size_t widths[N_COLUMNS];

        for (enum column column = 0; column < N_COLUMNS; column++)
                widths[column] = column_width(tokens, column);
        write_row(out, NULL, widths);
        for (size_t i = 0; i < json_object_array_length(tokens); i++)
                write_row(out, json_object_array_get_idx(tokens, i), widths);
}

static bool are_tokens(struct json_object *tokens) {
        if (!json_object_is_type(tokens, json_type_array))
                return false;
        for (size_t i = 0; i < json_object_array_length(tokens); i++)
                if (!json_object_is_type(json_object_array_get_idx(tokens, i), json_type_object))
                        return false;
        return true;
}

/* 0 or BEARER_E_PROTOCOL. */
static int write_status(struct buffer *out, struct slice body) {
        _cleanup_json_ struct json_object *answer = parse(body);
        struct json_object *tokens;

        if (!json_object_object_get_ex(answer, "tokens", &tokens) || !are_tokens(tokens))
                return BEARER_E_PROTOCOL;
        if (json_object_array_length(tokens) == 0)
                buffer_append_text(out, "There is no token that this user may have.\n");
        else
                write_table(out, tokens);
        return 0;
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

/* 0; -errno or BEARER_E_*. */
static int ask(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        _cleanup_(buffer_deinit) struct buffer request = BUFFER_INIT(HTTP1_HEAD_MAX);
        uint64_t deadline = clock_now() + STATUS_TIMEOUT;
        struct http1_response response;
        struct sockaddr_un address;
        int r;

        http1_request_render(&request, "GET", "/v1/tokens", NULL);
        r = buffer_error(&request);
        if (r == 0)
                r = address_resolve(ctl->socket, &address);
        if (r == 0)
                r = connection_open(&address, HTTP1_HEAD_MAX + HTTP1_ANSWER_MAX, 0, deadline,
                                    &connection);
        if (r == 0)
                r = connection_exchange(connection, buffer_slice(&request), deadline, &response);
        if (r == 0)
                r = result_of_status(response.status);
        return r == 0 ? write_status(out, response.body) : r;
}

static int fail_unconfigured(void) {
        fputs("bearerctl: bearerd has no tokens, for its configuration is wrong; 'systemctl status "
              "bearerd' says what to mend\n",
              stderr);
        return EX_CONFIG;
}

int ctl_status(const struct ctl *ctl, struct buffer *out) {
        int r = ask(ctl, out);

        if (r == -EBADMSG)
                r = BEARER_E_PROTOCOL;
        if (r == BEARER_E_UNAVAILABLE)
                return fail_unconfigured();
        return r == 0 ? EX_OK : ctl_fail(ctl, r);
}
