/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/cleanup.h"
#include "base/timespan.h"
#include "client/bearerctl.h"
#include "client/bearerctl_json.h"
#include "client/bearerctl_screen.h"
#include "client/canvas.h"
#include "client/status.h"

#define CELL_MAX      ((size_t)1024)
#define BAR_MIN       6
#define BAR_AMPLE     20 /* what the budget leaves */
#define BAR_MAX       40
#define LEFT_WIDTH    11 /* "59 min 59 s" */
#define NEXT_WIDTH    14 /* "when asked for" */
#define RATE_WIDTH    8
#define WAITING_WIDTH 7
#define BUDGET_WIDTH  12 /* "9999 of 9999" */
#define TITLE_LINES   3
#define INDENT        2 /* of what went wrong */
/* From so many lines on, there is room for an empty one, and for a long title. */
#define LINES_AMPLE 10

/* How wide each column is; 0: there is no room for it. */
struct layout {
        unsigned name, bar, left, next, rate, waiting, budget;
};

/* ---- numbers ---- */

static uint64_t sum_replies(struct json_object *object) {
        return ctl_json_sum(ctl_json_object(ctl_json_object(object, "counters"), "replies"));
}

/* In tenths a second; NEVER: not known, as after a restart of bearerd, or while it is away. */
static uint64_t rate_of(const struct screen *screen, struct json_object *now,
                        struct json_object *before) {
        uint64_t n = sum_replies(now), m = sum_replies(before);

        if (n == NEVER || m == NEVER || n < m || screen->elapsed == 0 || screen->trouble)
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
static void put_bar(struct canvas *canvas, const struct screen *screen, struct json_object *token,
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
                        canvas_glyph(canvas, screen->is_utf8 ? "\u2502" : "|");
                else if (i < filled)
                        canvas_glyph(canvas, screen->is_utf8 ? "\u2588" : "#");
                else
                        canvas_glyph(canvas, screen->is_utf8 ? "\u2591" : ".");
        }
        canvas_spaces(canvas, CANVAS_GAP);
}

static void write_name(struct buffer *cell, struct json_object *token) {
        buffer_append_text(cell, ctl_json_text(token, "name"));
        if (ctl_json_flag(token, "is_default"))
                buffer_append_text(cell, " *");
}

static void put_life(struct canvas *canvas, const struct screen *screen,
                     const struct layout *layout, struct json_object *token, struct buffer *cell) {
        uint64_t lifetime = ctl_json_number(token, "lifetime");

        if (!ctl_json_flag(token, "valid")) {
                buffer_append_text(cell, "no token");
                canvas_cell(canvas, cell, layout->bar);
                canvas_cell(canvas, cell, layout->left);
                return;
        }
        if (lifetime == NEVER || lifetime == 0)
                canvas_cell(canvas, cell, layout->bar); /* an older bearerd */
        else
                put_bar(canvas, screen, token, layout->bar);
        ctl_span(cell, ctl_json_number(token, "expires_in"));
        canvas_cell(canvas, cell, layout->left);
}

static void draw_token(struct canvas *canvas, const struct screen *screen,
                       const struct layout *layout, struct json_object *token) {
        _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(CELL_MAX);
        const char *name = ctl_json_text(token, "name");

        write_name(&cell, token);
        canvas_cell(canvas, &cell, layout->name);
        put_life(canvas, screen, layout, token, &cell);
        if (layout->next > 0) {
                status_write_next(&cell, token);
                canvas_cell(canvas, &cell, layout->next);
        }
        if (layout->rate > 0) {
                write_rate(&cell, rate_of(screen, token, ctl_json_token(screen->before, name)));
                canvas_cell(canvas, &cell, layout->rate);
        }
        if (layout->waiting > 0) {
                buffer_printf(&cell, "%" PRIu64, ctl_json_number(token, "waiting"));
                canvas_cell(canvas, &cell, layout->waiting);
        }
        if (layout->budget > 0) {
                status_write_budget(&cell, token);
                canvas_cell(canvas, &cell, layout->budget);
        }
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

/* Takes WIDTH and its gap from what is left for the bar, if that stays as wide as BAR. */
static unsigned take(unsigned *rest, unsigned width, unsigned bar) {
        if (*rest < width + CANVAS_GAP + bar)
                return 0;
        *rest -= width + CANVAS_GAP;
        return width;
}

static struct layout plan(const struct screen *screen, struct json_object *tokens) {
        unsigned rest = screen->columns, name = longest_name(tokens);
        struct layout layout = {0};

        if (name > screen->columns / 3)
                name = screen->columns / 3;
        layout.name = take(&rest, name, BAR_MIN);
        layout.left = take(&rest, LEFT_WIDTH, BAR_MIN);
        layout.next = take(&rest, NEXT_WIDTH, BAR_MIN);
        if (layout.next > 0 && screen->is_full)
                layout.rate = take(&rest, RATE_WIDTH, BAR_MIN);
        if (layout.next > 0)
                layout.waiting = take(&rest, WAITING_WIDTH, BAR_MIN);
        if (layout.waiting > 0 && screen->is_full)
                layout.budget = take(&rest, BUDGET_WIDTH, BAR_AMPLE);
        layout.bar = rest > BAR_MAX ? BAR_MAX : rest;
        return layout;
}

static void draw_head(struct canvas *canvas, const struct layout *layout) {
        _cleanup_(buffer_deinit) struct buffer cell = BUFFER_INIT(CELL_MAX);
        const struct {
                const char *text;
                unsigned width;
        } heads[] = {
                {"TOKEN", layout->name},    {"LIFE", layout->bar},
                {"LEFT", layout->left},     {"NEXT RENEWAL", layout->next},
                {"REQ/S", layout->rate},    {"WAITING", layout->waiting},
                {"BUDGET", layout->budget},
        };

        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
                if (heads[i].width == 0)
                        continue;
                buffer_append_text(&cell, heads[i].text);
                canvas_cell(canvas, &cell, heads[i].width);
        }
}

static void write_title(struct buffer *out, const struct screen *screen) {
        if (screen->trouble) {
                buffer_append_text(out, "As it was ");
                ctl_span(out, screen->age);
                buffer_printf(out, " ago; bearerd does not answer: %s; %s", screen->trouble,
                              screen->advice);
                return;
        }
        if (!screen->is_full) {
                buffer_append_text(out, "The tokens that this user may have");
                return;
        }
        buffer_printf(out, "bearerd %s, up ", ctl_json_text(screen->answer, "bearerd"));
        ctl_span(out, ctl_json_number(screen->answer, "uptime"));
        if (!ctl_json_flag(screen->answer, "config_right"))
                buffer_append_text(out, "; the configuration on disk is wrong");
        buffer_append_text(out, "; ");
        status_write_peers(out, screen->answer);
        buffer_append_text(out, "; requests/s: ");
        write_rate(out, whole_rate(screen));
}

static void draw_title(struct canvas *canvas, const struct screen *screen) {
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(CELL_MAX);
        bool is_ample = screen->lines >= LINES_AMPLE;

        write_title(&text, screen);
        canvas_paragraph(canvas, buffer_slice(&text), 0, is_ample ? TITLE_LINES : 1);
        if (is_ample)
                canvas_line(canvas);
}

/* ---- what there is room for ---- */

/* Each token has a line. What is left is for what went wrong, a line for each in turns. */
struct share {
        size_t tokens;
        unsigned each; /* lines, of what went wrong with each, */
        unsigned more; /* and one more for so many of them */
};

static unsigned count_trouble(const struct canvas *canvas, struct json_object *token) {
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(CELL_MAX);

        status_write_trouble(&text, token);
        return canvas_count(canvas, buffer_slice(&text), INDENT);
}

/* How many tokens need more lines than EACH for what went wrong. */
static unsigned count_wanting(const struct canvas *canvas, struct json_object *tokens,
                              unsigned each) {
        unsigned n = 0;

        for (size_t i = 0; i < json_object_array_length(tokens); i++)
                n += count_trouble(canvas, json_object_array_get_idx(tokens, i)) > each;
        return n;
}

static struct share share_out(const struct canvas *canvas, struct json_object *tokens) {
        struct share share = {.tokens = json_object_array_length(tokens)};
        unsigned left, wanting;

        if (share.tokens > canvas->lines) {
                share.tokens = canvas->lines - 1; /* and how many more there are */
                return share;
        }
        left = canvas->lines - (unsigned)share.tokens;
        while ((wanting = count_wanting(canvas, tokens, share.each)) > 0 && wanting <= left) {
                left -= wanting;
                share.each++;
        }
        share.more = left;
        return share;
}

static void draw_trouble(struct canvas *canvas, struct json_object *token, struct share *share) {
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(CELL_MAX);
        unsigned lines = share->each;

        status_write_trouble(&text, token);
        if (share->more > 0 && canvas_count(canvas, buffer_slice(&text), INDENT) > lines) {
                share->more--;
                lines++;
        }
        canvas_paragraph(canvas, buffer_slice(&text), INDENT, lines);
}

static void draw_text(struct canvas *canvas, const char *text) {
        canvas_paragraph(canvas, slice_of(text), 0, canvas->lines);
}

static void draw_tokens(struct canvas *canvas, const struct screen *screen,
                        const struct layout *layout, struct json_object *tokens) {
        size_t n = json_object_array_length(tokens);
        struct share share = share_out(canvas, tokens);
        char rest[64];

        for (size_t i = 0; i < share.tokens; i++) {
                struct json_object *token = json_object_array_get_idx(tokens, i);

                canvas_line(canvas);
                draw_token(canvas, screen, layout, token);
                draw_trouble(canvas, token, &share);
        }
        if (share.tokens == n)
                return;
        snprintf(rest, sizeof rest, "and %zu more: 'bearerctl status --once'", n - share.tokens);
        draw_text(canvas, rest);
}

static bool is_too_small(const struct screen *screen) {
        return screen->columns < SCREEN_COLUMNS_MIN || screen->lines < SCREEN_LINES_MIN;
}

static void draw_need(struct canvas *canvas) {
        char text[128];

        snprintf(text, sizeof text,
                 "too small: %d columns and %d lines are needed, or 'bearerctl status --once'",
                 SCREEN_COLUMNS_MIN, SCREEN_LINES_MIN);
        draw_text(canvas, text);
}

static void draw_view(struct canvas *canvas, const struct screen *screen) {
        struct json_object *tokens;
        struct layout layout;

        draw_title(canvas, screen);
        if (!ctl_json_tokens(screen->answer, &tokens))
                return;
        layout = plan(screen, tokens);
        canvas_line(canvas);
        draw_head(canvas, &layout);
        draw_tokens(canvas, screen, &layout, tokens);
}

void screen_draw(struct buffer *out, const struct screen *screen) {
        struct canvas canvas = {.out = out,
                                .columns = screen->columns,
                                .lines = screen->lines,
                                .is_utf8 = screen->is_utf8};

        if (is_too_small(screen))
                draw_need(&canvas);
        else
                draw_view(&canvas, screen);
        canvas_finish(&canvas);
}
