/* SPDX-License-Identifier: MIT */
/* histogram - how long things took, each counted in the first of the bounds that it does not
 * exceed. Owns nothing; a zeroed one has counted nothing. */
#pragma once

#include <stdint.h>

#include "base/timespan.h"

/* From what nobody notices to what a worker waits at most, and an attempt may take. */
#define HISTOGRAM_BOUNDS 14

extern const uint64_t histogram_bounds[HISTOGRAM_BOUNDS]; /* ns, ascending */

struct histogram {
        uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* the last one: past all bounds */
        uint64_t sum;                          /* ns; stays at NEVER when it gets there */
};

void histogram_add(struct histogram *histogram, uint64_t span);

/* How many took no longer than histogram_bounds[BOUND]; HISTOGRAM_BOUNDS: how many there were. */
uint64_t histogram_count(const struct histogram *histogram, unsigned bound);
