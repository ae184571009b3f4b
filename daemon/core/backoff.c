/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "core/backoff.h"

uint64_t jitter(uint64_t span, uint64_t random) {
        const unsigned __int128 wide = (unsigned __int128)span + 1;

        return (uint64_t)(wide * random >> 64);
}

/* FIRST * 2^DOUBLINGS, up to MOST. */
static uint64_t doubled(uint64_t first, unsigned doublings, uint64_t most) {
        if (doublings >= 64 || first > most >> doublings)
                return most;
        return first << doublings;
}

uint64_t backoff_delay(const struct terms *terms, unsigned failures, uint64_t random) {
        assert(failures > 0);
        if (failures == 1)
                return terms->retry_min / 2 +
                       jitter(terms->retry_min - terms->retry_min / 2, random);
        return jitter(doubled(terms->retry_min, failures - 1, terms->retry_max), random);
}

uint64_t backoff_denied(const struct terms *terms, unsigned denials) {
        assert(denials > 0);
        return doubled(terms->denied_min, denials - 1, terms->denied_max);
}
