/* SPDX-License-Identifier: MIT */
/* bearerctl_status - the command that shows how the tokens are: as a table, or as a view that stays
 * (bearerctl_live). */
#include <inttypes.h>
#include <time.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/timespan.h"
#include "client/bearerctl_json.h"
#include "client/bearerctl_live.h"
#include "client/output.h"
#include "client/status.h"

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

static void write_trouble(struct buffer *out, struct json_object *token) {
        if (ctl_json_object(token, "last_error"))
                status_write_trouble(out, token);
        else
                buffer_append_text(out, "none");
}

static void write_waiting(struct buffer *out, struct json_object *token) {
        uint64_t waiting = ctl_json_number(token, "waiting");

        if (waiting != NEVER)
                buffer_printf(out, "%" PRIu64, waiting);
}

static void write_cell(struct buffer *out, struct json_object *token, enum column column) {
        static const char *const heads[N_COLUMNS] = {"TOKEN",   "VALID UNTIL", "NEXT RENEWAL",
                                                     "WAITING", "BUDGET",      "LAST TROUBLE"};
        static void (*const writers[N_COLUMNS])(struct buffer *, struct json_object *) = {
                write_name,    write_valid,         status_write_next,
                write_waiting, status_write_budget, write_trouble};

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

/* What the control socket says besides. */
static void write_rest(struct buffer *out, struct json_object *answer) {
        if (ctl_json_object(answer, "peers")) {
                buffer_append_char(out, '\n');
                status_write_peers(out, answer);
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

static void write_status(const struct status *status, struct buffer *out) {
        if (json_object_array_length(status->tokens) == 0)
                buffer_append_text(out, "There is no token that this user may have.\n");
        else
                write_table(out, status->tokens, status->is_full);
        if (status->is_full)
                write_rest(out, status->answer);
}

int ctl_status(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(status_deinit) struct status status = STATUS_INIT;
        int r = status_ask(ctl, &status);

        if (r != 0)
                return status_fail(ctl, &status, r);
        if (ctl->json) {
                buffer_append_slice(out, status.body);
                buffer_append_char(out, '\n');
                return EX_OK;
        }
        if (status.is_full && !ctl_json_flag(status.answer, "configured"))
                return ctl_fail_unconfigured();
        if (!ctl->once && live_is_possible())
                return live_view(ctl, &status);
        write_status(&status, out);
        return EX_OK;
}
