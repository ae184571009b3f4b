/* SPDX-License-Identifier: MIT */
/* slice - some bytes that belong to somebody else. Not terminated by a NUL; may hold NULs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
        const char *data;
        size_t size;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

static inline struct slice slice_of(const char *text) {
        return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is(struct slice slice, const char *text) {
        return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

/* The same in any case of ASCII letters. */
static inline bool slice_is_nocase(struct slice slice, const char *text) {
        return slice.size == strlen(text) && strncasecmp(slice.data, text, slice.size) == 0;
}
