/* SPDX-License-Identifier: MIT */
/* clock - what time it is, in ns. Deadlines and expiries are counted in clock_now() time:
 * CLOCK_BOOTTIME, which nobody sets, and which goes on in suspend. */
#pragma once

#include <assert.h>
#include <stdint.h>
#include <time.h>

#include "base/timespan.h"

static inline uint64_t clock_read(clockid_t clock) {
        struct timespec time = {0};
        int r = clock_gettime(clock, &time);

        assert(r == 0);
        (void)r;
        return (uint64_t)time.tv_sec * NSEC_PER_SEC + (uint64_t)time.tv_nsec;
}

static inline uint64_t clock_now(void) {
        return clock_read(CLOCK_BOOTTIME);
}

static inline struct timespec clock_timespec(uint64_t span) {
        return (struct timespec){(time_t)(span / NSEC_PER_SEC), (long)(span % NSEC_PER_SEC)};
}
