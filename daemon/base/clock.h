/* SPDX-License-Identifier: MIT */
/* clock - the time that deadlines and expiries are counted in: CLOCK_BOOTTIME, in ns. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/timespan.h"

static inline uint64_t clock_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static inline struct timespec clock_timespec(uint64_t span) {
        return (struct timespec){(time_t)(span / NSEC_PER_SEC), (long)(span % NSEC_PER_SEC)};
}
