/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/timespan.h"
#include "client/bearerctl.h"
#include "client/bearerctl_json.h"
#include "client/bearerctl_screen.h"
#include "client/status.h"

#define CELL_MAX      ((size_t)1024)
#define GAP           2
#define BAR_MIN       6
#define BAR_MAX       40
#define LEFT_WIDTH    11 /* "59 min 59 s" */
#define NEXT_WIDTH    14 /* "when asked for" */
#define RATE_WIDTH    8
#define WAITING_WIDTH 7
#define ERASE_LINE    "\033[K"

/* How wide each column is; 0: there is no room for it. */
struct layout {
        unsigned name, bar, left, next, rate, waiting;
};

/* One line, and how much of it is left. */
struct pen {
        struct buffer *out;
        unsigned left;
};

/* ---- lines ---- */

static void put(struct pen *pen, const char *text) {
        for (; *text && pen->left > 0; text++, pen->left--)
                buffer_append_char(pen->out, *text < ' ' || *text > '~' ? '?' : *text);
}

/* One column on the screen, of some bytes. */
static void put_glyph(struct pen *pen, const char *glyph) {
        if (pen->left == 0)
                return;
        buffer_append_text(pen->out, glyph);
        pen->left--;
}

static void put_spaces(struct pen *pen, unsigned n) {
        for (; n > 0 && pen->left > 0; n--)
                put(pen, " ");
}

/* Whatever is in CELL, as a column of WIDTH and the gap behind it. */
static void put_cell(struct pen *pen, struct buffer *cell, unsigned width) {
        unsigned before = pen->left, used;
        struct pen narrow = {pen->out, width < pen->left ? width : pen->left};

        buffer_append_char(cell, 0);
        if (buffer_error(cell) == 0)
                put(&narrow, cell->data);
        used = (width < before ? width : before) - narrow.left;
        pen->left = before - used;
        put_spaces(pen, width - used + GAP);
        buffer_clear(cell);
}

static void end_line(const struct pen *pen) {
        buffer_append_text(pen->out, ERASE_LINE "\r\n");
}

/* ---- numbers ---- */

static uint64_t sum_replies(struct json_object *object) {
        struct json_object *replies =
                ctl_json_object(ctl_json_object(object, "counters"), "replies");
        uint64_t sum = 0;

        if (!replies)
                return NEVER;
        json_object_object_foreach(replies, key, value) {
                (void)value;
                if (ctl_json_number(replies, key) != NEVER)
                        sum += ctl_json_number(replies, key);
        }
        return sum;
}

/* In tenths a second; NEVER: not known, as after a restart of bearerd. */
static uint64_t rate_of(const struct screen *screen, struct json_object *now,
                        struct json_object *before) {
        uint64_t n = sum_replies(now), m = sum_replies(before);

        if (n == NEVER || m == NEVER || n < m || screen->elapsed == 0)
                return NEVER;
        return (n - m) * 10 * NSEC_PER_SEC / screen->elapsed;
}

static void write_rate(struct buffer *out, uint64_t tenths) {
        if (tenths == NEVER)
                buffer_append_char(out, '-');
        else
                buffer_printf(out, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

static uint64_t whole_rate(const struct screen *screen) {
        struct json_object *tokens;
        uint64_t sum = rate_of(screen, screen->answer, screen->before);

        if (sum == NEVER || !ctl_json_tokens(screen->answer, &tokens))
                return NEVER;
        for (size_t i = 0; i < json_object_array_length(tokens); i++) {
                struct json_object *token = json_object_array_get_idx(tokens, i);
                uint64_t rate =
                        rate_of(screen, token,
                                ctl_json_token(screen->before, ctl_json_text(token, "name")));

                if (rate != NEVER)
                        sum += rate;
        }
        return sum;
}

/* ---- a token ---- */

/* How many of WIDTH cells SECONDS of LIFETIME are, rounded up. */
static unsigned cells(uint64_t seconds, uint64_t lifetime, unsigned width) {
        if (seconds >= lifetime)
                return width;
        return (unsigned)((seconds * width + lifetime - 1) / lifetime);
}

/* What is left of its life, from the left, and a mark where its renewal is due. */
static void put_bar(struct pen *pen, const struct screen *screen, struct json_object *token,
                    unsigned width) {
        uint64_t lifetime = ctl_json_number(token, "lifetime");
        uint64_t left = ctl_json_number(token, "expires_in");
        uint64_t next = ctl_json_number(token, "next_attempt");
        unsigned filled = cells(left, lifetime, width);
        unsigned mark = width;

        if (next != NEVER && next <= left)
                mark = cells(left - next, lifetime, width);
        for (unsigned i = 0; i < width; i++) {
                if (i == mark)
                        put_glyph(pen, screen->is_utf8 ? "\u2502" : "|");
                else if (i < filled)
                        put_glyph(pen, screen->is_utf8 ? "\u2588" : "#");
                else
                        put_glyph(pen, screen->is_utf8 ? "\u2591" : ".");
        }
        put_spaces(pen, GAP);
}

static void write_name(struct buffer *cell, struct json_object *token) {
        buffer_append_text(cell, ctl_json_text(token, "name"));
        if (ctl_json_flag(token, "is_default"))
                buffer_append_text(cell, " *");
}

static void put_life(struct pen *pen, const struct screen *screen, const struct layout *layout,
                     struct json_object *token, struct buffer *cell) {
        uint64_t lifetime = ctl_json_number(token, "lifetime");

        if (!ctl_json_flag(token, "valid")) {
                buffer_append_text(cell, "no token");
                put_cell(pen, cell, layout->bar);
                put_cell(pen, cell, layout->left);
                return;
        }
        if (lifetime == NEVER || lifetime == 0)
                put_cell(pen, cell, layout->bar); /* an older bearerd */
        else
                put_bar(pen, screen, token, layout->bar);
        ctl_span(cell, ctl_json_number(token, "expires_in"));
        put_cell(pen, cell, layout->left);
}

static void draw_token(struct pen *pen, const struct screen *screen, const struct layout *layout,
                       struct json_object *token) {
        _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(CELL_MAX);
        const char *name = ctl_json_text(token, "name");

        write_name(&cell, token);
        put_cell(pen, &cell, layout->name);
        put_life(pen, screen, layout, token, &cell);
        if (layout->next > 0) {
                status_write_next(&cell, token);
                put_cell(pen, &cell, layout->next);
        }
        if (layout->rate > 0) {
                write_rate(&cell, rate_of(screen, token, ctl_json_token(screen->before, name)));
                put_cell(pen, &cell, layout->rate);
        }
        if (layout->waiting > 0) {
                buffer_printf(&cell, "%" PRIu64, ctl_json_number(token, "waiting"));
                put_cell(pen, &cell, layout->waiting);
        }
}

static void draw_trouble(struct pen *pen, struct json_object *token) {
        _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(CELL_MAX);
        struct json_object *error = ctl_json_object(token, "last_error");
        uint64_t age = ctl_json_number(error, "age");

        buffer_append_text(&cell, "  ");
        if (age != NEVER) {
                ctl_span(&cell, age);
                buffer_append_text(&cell, " ago, ");
        }
        buffer_printf(&cell, "%s%s: %s", ctl_json_text(error, "kind"),
                      ctl_json_number(token, "failures") == 0 ? ", over" : "",
                      ctl_json_text(error, "message"));
        put_cell(pen, &cell, pen->left);
}

/* ---- all of it ---- */

static unsigned longest_name(struct json_object *tokens) {
        size_t longest = sizeof "TOKEN" - 1;

        for (size_t i = 0; i < json_object_array_length(tokens); i++) {
                struct json_object *token = json_object_array_get_idx(tokens, i);
                size_t size = strlen(ctl_json_text(token, "name")) +
                              (ctl_json_flag(token, "is_default") ? 2 : 0);

                longest = size > longest ? size : longest;
        }
        return longest > 34 ? 34 : (unsigned)longest;
}

/* Takes WIDTH and its gap from what is left for the bar, if that stays wide enough. */
static unsigned take(unsigned *rest, unsigned width) {
        if (*rest < width + GAP + BAR_MIN)
                return 0;
        *rest -= width + GAP;
        return width;
}

static struct layout plan(const struct screen *screen, struct json_object *tokens) {
        unsigned rest = screen->columns, name = longest_name(tokens);
        struct layout layout = {0};

        if (name > screen->columns / 3)
                name = screen->columns / 3;
        layout.name = take(&rest, name);
        layout.left = take(&rest, LEFT_WIDTH);
        layout.next = take(&rest, NEXT_WIDTH);
        if (layout.next > 0 && screen->is_full)
                layout.rate = take(&rest, RATE_WIDTH);
        if (layout.next > 0)
                layout.waiting = take(&rest, WAITING_WIDTH);
        layout.bar = rest > BAR_MAX ? BAR_MAX : rest;
        return layout;
}

static void draw_head(struct pen *pen, const struct layout *layout) {
        _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(CELL_MAX);
        const struct {
                const char *text;
                unsigned width;
        } heads[] = {
                {"TOKEN", layout->name}, {"LIFE", layout->bar},
                {"LEFT", layout->left},  {"NEXT RENEWAL", layout->next},
                {"REQ/S", layout->rate}, {"WAITING", layout->waiting},
        };

        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
                if (heads[i].width == 0)
                        continue;
                buffer_append_text(&cell, heads[i].text);
                put_cell(pen, &cell, heads[i].width);
        }
}

static void draw_title(struct pen *pen, const struct screen *screen) {
        _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(CELL_MAX);
        struct json_object *peers = ctl_json_object(screen->answer, "peers");

        if (screen->trouble) {
                buffer_printf(&cell, "bearerd does not answer: %s", screen->trouble);
        } else if (!screen->is_full) {
                buffer_append_text(&cell, "The tokens that this user may have");
        } else {
                buffer_printf(&cell, "bearerd %s, up ", ctl_json_text(screen->answer, "bearerd"));
                ctl_span(&cell, ctl_json_number(screen->answer, "uptime"));
                buffer_printf(&cell, "; %" PRIu64 " connections of %" PRIu64 " users; requests/s: ",
                              ctl_json_number(peers, "connections"),
                              ctl_json_number(peers, "users"));
                write_rate(&cell, whole_rate(screen));
                if (!ctl_json_flag(screen->answer, "config_right"))
                        buffer_append_text(&cell, "; the configuration on disk is wrong");
        }
        put_cell(pen, &cell, pen->left);
}

#define LINES_ABOVE 3 /* title, an empty one, the head */

/* Token by token, as far as there is room: the last line says how many more there are. */
static void draw_tokens(struct buffer *out, const struct screen *screen,
                        const struct layout *layout, struct json_object *tokens) {
        unsigned left = screen->lines - LINES_ABOVE - 1; /* and the one that is not ended */
        size_t n = json_object_array_length(tokens), i;

        for (i = 0; i < n; i++) {
                struct json_object *token = json_object_array_get_idx(tokens, i);
                unsigned wanted = ctl_json_object(token, "last_error") ? 2 : 1;
                struct pen pen = {out, screen->columns};

                if (wanted + (i + 1 < n ? 1 : 0) > left)
                        break;
                draw_token(&pen, screen, layout, token);
                end_line(&pen);
                left -= wanted;
                if (wanted == 1)
                        continue;
                pen.left = screen->columns;
                draw_trouble(&pen, token);
                end_line(&pen);
        }
        if (i < n) {
                _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(CELL_MAX);
                struct pen pen = {out, screen->columns};

                buffer_printf(&cell, "and %zu more: 'bearerctl status --once'", n - i);
                put_cell(&pen, &cell, pen.left);
                end_line(&pen);
        }
}

void screen_draw(struct buffer *out, const struct screen *screen) {
        struct pen pen = {out, screen->columns};
        struct json_object *tokens;
        struct layout layout;

        draw_title(&pen, screen);
        end_line(&pen);
        end_line(&pen);
        if (!ctl_json_tokens(screen->answer, &tokens))
                return;
        layout = plan(screen, tokens);
        pen.left = screen->columns;
        draw_head(&pen, &layout);
        end_line(&pen);
        draw_tokens(out, screen, &layout, tokens);
}
