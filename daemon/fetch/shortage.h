/* SPDX-License-Identifier: MIT */
/* shortage - whether a library that failed was short of memory. What OpenSSL, José, jansson and
 * json-c return does not tell that from a key or a document that is none; but all of them allocate
 * by malloc(3), which says so in errno, and what cleans up leaves that as it is (free(3)). */
#pragma once

#include <errno.h>

static inline void shortage_begin(void) {
        errno = 0;
}

/* R, which something has failed with since shortage_begin(); -ENOMEM: because memory was short. */
static inline int shortage_or(int r) {
        return errno == ENOMEM ? -ENOMEM : r;
}
