/* SPDX-License-Identifier: MIT */
/* stopwatch - what time it is, and what is typical of many times. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define SECOND_NS 1000000000ULL

static inline uint64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static inline void sleep_ns(uint64_t ns) {
        struct timespec pause = {.tv_sec = (time_t)(ns / SECOND_NS),
                                 .tv_nsec = (long)(ns % SECOND_NS)};

        nanosleep(&pause, NULL);
}

static inline int compare_ns(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static inline void sort_ns(uint64_t *times, size_t n) {
        qsort(times, n, sizeof *times, compare_ns);
}

/* The time that PERCENT of the N TIMES, which are sorted and at least one, are not above. */
static inline uint64_t percentile(const uint64_t *times, size_t n, unsigned percent) {
        return times[(n - 1) * percent / 100];
}
