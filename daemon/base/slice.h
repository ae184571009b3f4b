/* SPDX-License-Identifier: MIT */
/* slice - some bytes that belong to somebody else. Not terminated by a NUL; may hold NULs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
        const char *data;
        size_t size;
};

#define SLICE(literal) ((struct slice)SLICE_INIT(literal))
/* For what is static: there a compound literal is no constant. */
#define SLICE_INIT(literal)                                                                        \
        { (literal), sizeof(literal) - 1 }

static inline struct slice slice_of(const char *text) {
        return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is(struct slice slice, const char *text) {
        size_t size = strlen(text);

        return slice.size == size && (size == 0 || memcmp(slice.data, text, size) == 0);
}

/* The same in any case of ASCII letters, whatever the locale. */
static inline bool slice_equal_nocase(struct slice left, struct slice right) {
        if (left.size != right.size)
                return false;
        for (size_t i = 0; i < left.size; i++) {
                char a = left.data[i], b = right.data[i];

                if (a != b && ((a ^ b) != 0x20 || (a | 0x20) < 'a' || (a | 0x20) > 'z'))
                        return false;
        }
        return true;
}

static inline bool slice_is_nocase(struct slice slice, const char *text) {
        return slice_equal_nocase(slice, slice_of(text));
}

/* Without the spaces and tabs around it. */
static inline struct slice slice_trim(struct slice slice) {
        while (slice.size > 0 && (slice.data[0] == ' ' || slice.data[0] == '\t')) {
                slice.data++;
                slice.size--;
        }
        while (slice.size > 0 &&
               (slice.data[slice.size - 1] == ' ' || slice.data[slice.size - 1] == '\t'))
                slice.size--;
        return slice;
}

/* Takes what is before the first SEPARATOR, or all there is, off the front of *TEXT, and the
 * separator with it. False: nothing is left. */
static inline bool slice_cut(struct slice *text, char separator, struct slice *ret_piece) {
        const char *first = text->data, *place;

        if (text->size == 0)
                return false;
        place = (const char *)memchr(first, separator, text->size);
        *ret_piece = (struct slice){first, place ? (size_t)(place - first) : text->size};
        text->data += ret_piece->size + (place ? 1 : 0);
        text->size -= ret_piece->size + (place ? 1 : 0);
        return true;
}
