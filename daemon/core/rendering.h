/* SPDX-License-Identifier: MIT */
/* rendering - an answer with a token in it, as it was written for who asked last: who asks next, in
 * the same second, gets the same bytes.
 *
 * The token's lease owns it, and wipes it with the token or when anything of it changes. What it
 * says, and until when that is so, is known to who writes it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct rendering {
        struct buffer bytes;
        uint64_t good_until; /* from then on it is to be written anew; 0: it is not written */
};

static inline bool rendering_is_good(const struct rendering *rendering, uint64_t now) {
        return now < rendering->good_until;
}

/* Wiped, and its memory given back. */
static inline void rendering_deinit(struct rendering *rendering) {
        buffer_deinit(&rendering->bytes);
        rendering->good_until = 0;
}
