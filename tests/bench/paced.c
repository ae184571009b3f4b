/* SPDX-License-Identifier: MIT */
/* paced - a worker that gets the token in one way (see way.h) at a pace, and writes down each time.
 *
 *      paced kept|new SECONDS INTERVAL TOKEN-FILE WAY
 *
 * INTERVAL is in nanoseconds, from one that is due to the next. For each it prints when it was due,
 * by CLOCK_MONOTONIC, and how long it took from then on, both in nanoseconds; in the end the number
 * of errors, which are none of those. The token may become another one meanwhile: TOKEN-FILE may be
 * empty. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stopwatch.h"
#include "way.h"

#define SAMPLES_MAX 2000000

static struct { uint64_t began, took; } samples[SAMPLES_MAX];

/* Waits until it is DUE; when it begins. */
static uint64_t begin(uint64_t due) {
        uint64_t now = now_ns();

        if (now >= due)
                return due;
        sleep_ns(due - now);
        return now_ns();
}

/* How many times it has failed. */
static uint64_t go(struct way *way, bool (*ask)(struct way *), uint64_t until, uint64_t interval,
                   size_t *ret_n) {
        uint64_t due = now_ns(), errors = 0;
        size_t n = 0;

        for (; n < SAMPLES_MAX && due < until; due += interval) {
                samples[n].began = begin(due);
                if (!ask(way)) {
                        errors++;
                        continue;
                }
                samples[n].took = now_ns() - samples[n].began;
                n++;
        }
        *ret_n = n;
        return errors;
}

int main(int argc, char **argv) {
        static char token[ANSWER_MAX];
        static struct way way;
        uint64_t errors;
        size_t n;

        if (argc != 6) {
                fprintf(stderr, "usage: paced kept|new SECONDS INTERVAL TOKEN-FILE WAY\n");
                return 2;
        }
        if (slurp(argv[4], token, sizeof token) < 0 || !way_init(&way, argv[5], token))
                return 1;
        printf("begun\n");
        fflush(stdout);
        errors = go(&way, strcmp(argv[1], "new") == 0 ? way.kind->ask_anew : way.kind->ask,
                    now_ns() + (uint64_t)(strtod(argv[2], NULL) * 1e9), strtoull(argv[3], NULL, 10),
                    &n);
        for (size_t i = 0; i < n; i++)
                printf("%" PRIu64 " %" PRIu64 "\n", samples[i].began, samples[i].took);
        printf("errors %" PRIu64 "\n", errors);
        way_deinit(&way);
        return 0;
}
