/* SPDX-License-Identifier: MIT */
/* secret - a client secret or a token, and the only place where one stays.
 *
 * Owns its bytes; wipes them when they go. Compared in constant time. There is no way to print one.
 * Followed by a NUL that does not count. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* The longest secret or token, in bytes. */
#define SECRET_SIZE_MAX ((size_t)16384)

struct secret {
        char *data;
        size_t size;
};

#define SECRET_INIT ((struct secret){0})

void secret_deinit(struct secret *secret);

/* Replaces what is there by a copy. 0; -E2BIG past SECRET_SIZE_MAX; -ENOMEM. */
int secret_set(struct secret *secret, const void *data, size_t size);

/* Moves FROM's bytes to TO, whose own are wiped. */
void secret_move(struct secret *to, struct secret *from);

/* In a time that depends on the sizes alone. */
bool secret_equal(const struct secret *a, const struct secret *b);

static inline struct slice secret_slice(const struct secret *secret) {
        return (struct slice){secret->data, secret->size};
}
