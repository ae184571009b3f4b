/* SPDX-License-Identifier: MIT */
/* scarce - memory that runs out: the linker puts these in the way of what is tested (--wrap in
 * meson.build). One program includes it once. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

static unsigned allocations_left = UINT_MAX;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *memory, size_t n, size_t size);
void *__wrap_reallocarray(void *memory, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

static bool allocation_fails(void) {
        if (allocations_left == 0)
                return true;
        allocations_left--;
        return false;
}

void *__wrap_calloc(size_t n, size_t size) {
        return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *memory, size_t n, size_t size) {
        return allocation_fails() ? NULL : __real_reallocarray(memory, n, size);
}

char *__wrap_strdup(const char *text) {
        return allocation_fails() ? NULL : __real_strdup(text);
}
