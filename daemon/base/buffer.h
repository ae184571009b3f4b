/* SPDX-License-Identifier: MIT */
/* buffer - bytes that grow up to a limit.
 *
 * Owns its memory, and wipes it whenever it lets go of it: tokens pass through buffers. An append
 * that fails adds nothing and is remembered, as is every later one: who builds something checks
 * once, at the end, with buffer_error(). */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/slice.h"

struct buffer {
        char *data;
        size_t size;
        size_t capacity;
        size_t limit;
        int error;
};

#define BUFFER_INIT(most) ((struct buffer){.limit = (most)})

void buffer_deinit(struct buffer *buffer);

/* Makes room for EXTRA more bytes. 0, or what buffer_error() says from then on. */
int buffer_reserve(struct buffer *buffer, size_t extra);
/* What is written behind data + size by others (read(2)) becomes part of it. */
void buffer_added(struct buffer *buffer, size_t size);

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_slice(struct buffer *buffer, struct slice slice);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Takes SIZE bytes off the front. */
void buffer_consume(struct buffer *buffer, size_t size);
/* Empties it, wiped, with its memory kept; forgets an error. */
void buffer_clear(struct buffer *buffer);

/* 0; -ENOBUFS: something did not fit into the limit; -ENOMEM. */
static inline int buffer_error(const struct buffer *buffer) {
        return buffer->error;
}

static inline struct slice buffer_slice(const struct buffer *buffer) {
        return (struct slice){buffer->data, buffer->size};
}
