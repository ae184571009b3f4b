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
static inline bool slice_is_nocase(struct slice slice, const char *text) {
        if (slice.size != strlen(text))
                return false;
        for (size_t i = 0; i < slice.size; i++) {
                char a = slice.data[i], b = text[i];

                if (a != b && ((a ^ b) != 0x20 || (a | 0x20) < 'a' || (a | 0x20) > 'z'))
                        return false;
        }
        return true;
}
