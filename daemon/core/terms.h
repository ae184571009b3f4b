/* SPDX-License-Identifier: MIT */
/* terms - the numbers that the life of a token goes by. All are settings; all times in ns. */
#pragma once

#include <stdint.h>

#include "base/timespan.h"

/* The most requests a minute that can be configured: a budget remembers that many. */
#define TERMS_REQUESTS_PER_MINUTE_MAX 600

struct terms {
        uint64_t refresh_ahead;        /* renew at expiry - min(this, life / 4) - jitter */
        uint64_t floor;                /* not handed out with less than min(this, life / 10) left */
        uint64_t min_renewal_interval; /* successes at least min(this, life / 2) apart */
        uint64_t renewal_pause;        /* after a renewal that a worker forced, doubling ... */
        uint64_t renewal_pause_max;    /* ... up to here while refusals go on */
        uint64_t retry_min;            /* first retry after U(this / 2, this), then doubling ... */
        uint64_t retry_max;            /* ... up to U(0, this) */
        uint64_t denied_min;           /* next try after a denial, doubling ... */
        uint64_t denied_max;           /* ... up to here */
        uint64_t misconfigured_pause;  /* next try after local trouble */
        uint64_t attempt_timeout;      /* an attempt that has not ended by then is lost */
        unsigned requests_per_minute;  /* sent in any 60 s, 1 to TERMS_REQUESTS_PER_MINUTE_MAX */
};

#define TERMS_DEFAULT                                                                              \
        ((struct terms){                                                                           \
                .refresh_ahead = 420 * NSEC_PER_SEC,                                               \
                .floor = 60 * NSEC_PER_SEC,                                                        \
                .min_renewal_interval = 30 * NSEC_PER_SEC,                                         \
                .renewal_pause = 60 * NSEC_PER_SEC,                                                \
                .renewal_pause_max = 15 * NSEC_PER_MIN,                                            \
                .retry_min = NSEC_PER_SEC,                                                         \
                .retry_max = 60 * NSEC_PER_SEC,                                                    \
                .denied_min = 60 * NSEC_PER_SEC,                                                   \
                .denied_max = 15 * NSEC_PER_MIN,                                                   \
                .misconfigured_pause = 30 * NSEC_PER_SEC,                                          \
                .attempt_timeout = 20 * NSEC_PER_SEC,                                              \
                .requests_per_minute = 4,                                                          \
        })
