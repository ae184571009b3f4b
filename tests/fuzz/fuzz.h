/* SPDX-License-Identifier: MIT */
/* fuzz - what every target stands on: how it is called, how it says that something does not hold,
 * and how it takes its input apart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

/* One input, any bytes. Returns 0; what does not hold ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it counts in a build without asserts, too. */
#define HOLDS(condition, what)                                                                     \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: violated: %s (%s)\n", __FILE__, __LINE__, what,    \
                                #condition);                                                       \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)

static inline struct slice input_of(const uint8_t *data, size_t size) {
        return (struct slice){(const char *)data, size};
}

/* Takes the first line off the front, or all there is. */
static inline struct slice take_line(struct slice *rest) {
        struct slice line = {rest->data, 0};

        slice_cut(rest, '\n', &line);
        return line;
}

static inline struct slice behind(struct slice text, size_t size) {
        return (struct slice){text.data + size, text.size - size};
}

static inline bool is_same(struct slice a, struct slice b) {
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool is_within(struct slice part, struct slice whole) {
        return part.size == 0 ||
               (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static inline bool has_prefix(struct slice text, struct slice prefix) {
        return text.size >= prefix.size && is_same((struct slice){text.data, prefix.size}, prefix);
}

static inline bool is_printable(struct slice text) {
        for (size_t i = 0; i < text.size; i++)
                if (text.data[i] < ' ' || text.data[i] > '~')
                        return false;
        return true;
}

/* The first SIZE bytes in memory of their own, so that a read past them is seen. */
static inline char *copy_of(struct slice text, size_t size) {
        char *copy = malloc(size > 0 ? size : 1);

        HOLDS(copy, "there is memory");
        if (size > 0)
                memcpy(copy, text.data, size);
        return copy;
}

/* TEXT up to its first NUL, as a string of at most MOST characters. */
static inline char *string_of(struct slice text, size_t most) {
        char *string = strndup(text.size > 0 ? text.data : "", text.size < most ? text.size : most);

        HOLDS(string, "there is memory");
        return string;
}
