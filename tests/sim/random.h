/* SPDX-License-Identifier: MIT */
/* random - chance that is the same in every run (Vigna's splitmix64). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct random {
        uint64_t state;
};

static inline uint64_t random_bits(struct random *random) {
        uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* From 0 to N - 1. */
static inline uint64_t random_below(struct random *random, uint64_t n) {
        return (uint64_t)((unsigned __int128)random_bits(random) * n >> 64);
}

/* From LEAST to MOST. */
static inline uint64_t random_between(struct random *random, uint64_t least, uint64_t most) {
        return least + random_below(random, most - least + 1);
}

static inline bool random_one_in(struct random *random, uint64_t n) {
        return random_below(random, n) == 0;
}

/* Of durations of very different lengths, each length is as likely: at most MOST, down to a
 * millionth of it. */
static inline uint64_t random_span(struct random *random, uint64_t most) {
        return random_below(random, (most >> random_below(random, 20)) + 1);
}
