/* SPDX-License-Identifier: MIT */
/* bearerctl_screen - how the tokens are, as lines for a terminal of a certain size. No clock, no
 * terminal: what is known comes in, bytes go out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct json_object;

/* What a view can be drawn on. */
#define SCREEN_COLUMNS_MIN 40
#define SCREEN_LINES_MIN   6

struct screen {
        unsigned columns, lines;
        bool is_utf8;
        struct json_object *answer; /* of status_ask() */
        bool is_full;
        struct json_object *before; /* the one before, or NULL */
        uint64_t elapsed;           /* since then, ns */
        const char *trouble;        /* why bearerd does not answer; NULL: it does */
        const char *advice;         /* what can be done about that */
        uint64_t age;               /* of the answer, seconds, while there is trouble */
};

/* All of its lines, from where the cursor is at the top left. On a screen that is too small for a
 * view, that is said. */
void screen_draw(struct buffer *out, const struct screen *screen);
