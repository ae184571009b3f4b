/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "core/histogram.h"

const uint64_t histogram_bounds[HISTOGRAM_BOUNDS] = {
        NSEC_PER_MSEC,       5 * NSEC_PER_MSEC,   10 * NSEC_PER_MSEC,  50 * NSEC_PER_MSEC,
        100 * NSEC_PER_MSEC, 250 * NSEC_PER_MSEC, 500 * NSEC_PER_MSEC, NSEC_PER_SEC,
        2 * NSEC_PER_SEC,    5 * NSEC_PER_SEC,    10 * NSEC_PER_SEC,   20 * NSEC_PER_SEC,
        30 * NSEC_PER_SEC,   60 * NSEC_PER_SEC,
};

void histogram_add(struct histogram *histogram, uint64_t span) {
        unsigned bound = 0;

        while (bound < HISTOGRAM_BOUNDS && span > histogram_bounds[bound])
                bound++;
        histogram->counts[bound]++;
        histogram->sum = time_add(histogram->sum, span);
}

uint64_t histogram_count(const struct histogram *histogram, unsigned bound) {
        uint64_t n = 0;

        assert(bound <= HISTOGRAM_BOUNDS);
        for (unsigned i = 0; i <= bound; i++)
                n += histogram->counts[i];
        return n;
}
