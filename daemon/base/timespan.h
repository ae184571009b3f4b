/* SPDX-License-Identifier: MIT */
/* timespan - times and durations: nanoseconds in a uint64_t.
 *
 * A time is one of CLOCK_BOOTTIME, which goes on in suspend and knows no wall-clock steps. There is
 * no clock in here. */
#pragma once

#include <stdint.h>

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC  UINT64_C(1000000000)
#define NSEC_PER_MIN  (60 * NSEC_PER_SEC)

/* Later than every time, longer than every duration. */
#define NEVER UINT64_MAX

static inline uint64_t time_add(uint64_t a, uint64_t b) {
        return a > NEVER - b ? NEVER : a + b;
}

/* How long from NOW to THEN; 0 if that is over. */
static inline uint64_t time_until(uint64_t then, uint64_t now) {
        return then == NEVER ? NEVER : then > now ? then - now : 0;
}

static inline uint64_t time_min(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

static inline uint64_t time_max(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

/* In whole seconds, rounded up: what Retry-After wants. */
static inline uint64_t time_seconds_up(uint64_t span) {
        return span / NSEC_PER_SEC + (span % NSEC_PER_SEC != 0);
}
