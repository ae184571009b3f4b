/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define CAPACITY_MIN 256

void buffer_deinit(struct buffer *buffer) {
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->capacity);
        free(buffer->data);
        *buffer = (struct buffer){.limit = buffer->limit};
}

/* Not realloc(): it would leave a copy of the old bytes behind. */
static int buffer_grow(struct buffer *buffer, size_t needed) {
        size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;
        char *data;

        while (capacity < needed)
                capacity *= 2;
        if (capacity > buffer->limit)
                capacity = buffer->limit;
        data = malloc(capacity);
        if (!data)
                return -ENOMEM;
        if (buffer->data) {
                memcpy(data, buffer->data, buffer->size);
                explicit_bzero(buffer->data, buffer->capacity);
                free(buffer->data);
        }
        buffer->data = data;
        buffer->capacity = capacity;
        return 0;
}

int buffer_reserve(struct buffer *buffer, size_t extra) {
        if (buffer->error)
                return buffer->error;
        if (extra > buffer->limit - buffer->size)
                return buffer->error = -ENOBUFS;
        if (buffer->size + extra > buffer->capacity)
                buffer->error = buffer_grow(buffer, buffer->size + extra);
        return buffer->error;
}

void buffer_added(struct buffer *buffer, size_t size) {
        assert(size <= buffer->capacity - buffer->size);
        buffer->size += size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size) {
        if (size == 0 || buffer_reserve(buffer, size) < 0)
                return;
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
}

void buffer_append_slice(struct buffer *buffer, struct slice slice) {
        buffer_append(buffer, slice.data, slice.size);
}

void buffer_append_text(struct buffer *buffer, const char *text) {
        buffer_append(buffer, text, strlen(text));
}

void buffer_append_char(struct buffer *buffer, char c) {
        buffer_append(buffer, &c, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
        char text[512];
        va_list arguments;
        int length;

        va_start(arguments, format);
        length = vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        if (length < 0 || (size_t)length >= sizeof text) {
                if (!buffer->error)
                        buffer->error = -ENOBUFS;
        } else {
                buffer_append(buffer, text, (size_t)length);
        }
        explicit_bzero(text, sizeof text);
}

void buffer_consume(struct buffer *buffer, size_t size) {
        assert(size <= buffer->size);
        if (size == 0)
                return;
        memmove(buffer->data, buffer->data + size, buffer->size - size);
        explicit_bzero(buffer->data + buffer->size - size, size);
        buffer->size -= size;
}

void buffer_clear(struct buffer *buffer) {
        if (buffer->data)
                explicit_bzero(buffer->data, buffer->size);
        buffer->size = 0;
        buffer->error = 0;
}
