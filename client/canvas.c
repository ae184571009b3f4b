/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "client/canvas.h"

#define ERASE_LINE "\033[K"
#define HANGING    2 /* columns, from the second line of a paragraph on */

/* ---- lines ---- */

/* At a full line, the cursor is on its last column, which would be erased. */
static void end_line(struct canvas *canvas) {
        if (canvas->left > 0)
                buffer_append_text(canvas->out, ERASE_LINE);
}

void canvas_line(struct canvas *canvas) {
        assert(canvas->lines > 0);
        if (canvas->is_begun) {
                end_line(canvas);
                buffer_append_text(canvas->out, "\r\n");
        }
        canvas->is_begun = true;
        canvas->lines--;
        canvas->left = canvas->columns;
}

void canvas_finish(struct canvas *canvas) {
        while (canvas->lines > 0)
                canvas_line(canvas);
        end_line(canvas);
}

/* ---- what is on them ---- */

static void put(struct canvas *canvas, struct slice text) {
        for (size_t i = 0; i < text.size && canvas->left > 0; i++, canvas->left--)
                buffer_append_char(canvas->out,
                                   text.data[i] < ' ' || text.data[i] > '~' ? '?' : text.data[i]);
}

void canvas_glyph(struct canvas *canvas, const char *glyph) {
        if (canvas->left == 0)
                return;
        buffer_append_text(canvas->out, glyph);
        canvas->left--;
}

void canvas_spaces(struct canvas *canvas, unsigned n) {
        for (; n > 0; n--)
                put(canvas, SLICE(" "));
}

void canvas_cell(struct canvas *canvas, struct buffer *cell, unsigned width) {
        struct slice text = buffer_slice(cell);

        if (buffer_error(cell) < 0)
                text.size = 0;
        if (text.size > width)
                text.size = width;
        put(canvas, text);
        canvas_spaces(canvas, width - (unsigned)text.size + CANVAS_GAP);
        buffer_clear(cell);
}

/* ---- paragraphs ---- */

/* The next line of WIDTH at most: up to a space, or, where there is none, as much as it holds. */
static struct slice take(struct slice *rest, unsigned width) {
        struct slice line = *rest;

        if (line.size > width) {
                const char *space = memrchr(line.data, ' ', width + 1);

                line.size = space && space > line.data ? (size_t)(space - line.data) : width;
        }
        *rest = (struct slice){rest->data + line.size, rest->size - line.size};
        if (rest->size > 0 && rest->data[0] == ' ')
                *rest = (struct slice){rest->data + 1, rest->size - 1};
        return line;
}

static unsigned margin(unsigned indent, unsigned line) {
        return indent + (line > 0 ? HANGING : 0);
}

void canvas_paragraph(struct canvas *canvas, struct slice text, unsigned indent, unsigned most) {
        const char *ellipsis = canvas->is_utf8 ? "\u2026" : ".";
        unsigned width = canvas->is_utf8 ? 1 : 3;

        for (unsigned n = 0; n < most && text.size > 0; n++) {
                canvas_line(canvas);
                canvas_spaces(canvas, margin(indent, n));
                if (n + 1 < most || text.size <= canvas->left || canvas->left < width) {
                        put(canvas, take(&text, canvas->left));
                        continue;
                }
                put(canvas, take(&text, canvas->left - width));
                for (unsigned i = 0; i < width; i++)
                        canvas_glyph(canvas, ellipsis);
        }
}

unsigned canvas_count(const struct canvas *canvas, struct slice text, unsigned indent) {
        unsigned n = 0;

        for (; n < canvas->lines && text.size > 0; n++)
                (void)take(&text, canvas->columns - margin(indent, n));
        return n;
}
