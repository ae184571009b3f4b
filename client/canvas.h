/* SPDX-License-Identifier: MIT */
/* canvas - the lines of a terminal's screen, from its top, and where on them is written next. What
 * there is no room for is left out. Everything is shown as printable ASCII but for glyphs. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* Behind a cell. */
#define CANVAS_GAP 2

struct canvas {
        struct buffer *out;
        unsigned columns;
        unsigned lines; /* that are not begun */
        bool is_utf8;

        bool is_begun;
        unsigned left; /* of the line */
};

/* Goes on at the next line, of which there must be one. */
void canvas_line(struct canvas *canvas);
/* Leaves all other lines empty. */
void canvas_finish(struct canvas *canvas);

/* One column, of some bytes. */
void canvas_glyph(struct canvas *canvas, const char *glyph);
void canvas_spaces(struct canvas *canvas, unsigned n);
/* What is in CELL, which is empty then, in a column of WIDTH, and the gap behind it. */
void canvas_cell(struct canvas *canvas, struct buffer *cell, unsigned width);

/* Writes TEXT on lines of its own, MOST of them or less, broken between words; behind INDENT, and
 * somewhat more from the second one on. An ellipsis is where there is no line for the rest. */
void canvas_paragraph(struct canvas *canvas, struct slice text, unsigned indent, unsigned most);
/* How many that takes, up to as many lines as there are. */
unsigned canvas_count(const struct canvas *canvas, struct slice text, unsigned indent);
