/* SPDX-License-Identifier: MIT */
/* ask - a worker that gets the token in several ways, one after the other, again and again.
 *
 *      ask kept|new ROUNDS BATCH TOKEN-FILE WAY...
 *
 * In each round it goes through all ways (see way.h), BATCH times each, beginning with another one
 * than in the round before: what disturbs this machine for a while disturbs them all. "new": with
 * a connection, or a handle, for each time. For each round and way it prints
 *
 *      NAME MEDIAN P99 CPU ERRORS
 *
 * the times in nanoseconds of one get, CPU the server's. Who starts it pins it, and the servers, to
 * a processor. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stopwatch.h"
#include "way.h"

#define WARM_UP   50
#define PAUSE_NS  1000000 /* lets servers come to rest, and others to the processor */
#define QUICK_NS  1000    /* what takes less is timed together, or the clock would be measured */
#define TOGETHER  200
#define BATCH_MAX 1000000

static uint64_t took[BATCH_MAX];

struct batch {
        size_t n;
        uint64_t errors;
};

static void ask_once(struct way *way, bool anew, struct batch *batch) {
        if (!(anew ? way->kind->ask_anew(way) : way->kind->ask(way)))
                batch->errors++;
}

static void ask_in_time(struct way *way, bool anew, size_t together, struct batch *batch) {
        uint64_t began = now_ns();

        for (size_t i = 0; i < together; i++)
                ask_once(way, anew, batch);
        took[batch->n++] = (now_ns() - began) / together;
}

static void go(struct way *way, bool anew, size_t size) {
        struct batch batch = {0};
        size_t together;
        uint64_t cpu;

        for (int i = 0; i < WARM_UP; i++)
                ask_in_time(way, anew, 1, &batch);
        sort_ns(took, batch.n);
        together = percentile(took, batch.n, 50) < QUICK_NS ? TOGETHER : 1;
        batch.n = 0;

        sleep_ns(PAUSE_NS);
        cpu = way_cpu(way);
        while (batch.n < size)
                ask_in_time(way, anew, together, &batch);
        sleep_ns(PAUSE_NS);
        cpu = way_cpu(way) - cpu;
        sort_ns(took, batch.n);
        printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", way->name,
               percentile(took, size, 50), percentile(took, size, 99), cpu / (size * together),
               batch.errors);
}

int main(int argc, char **argv) {
        static char token[ANSWER_MAX];
        unsigned long rounds, size;
        struct way *ways;
        size_t n;

        if (argc < 6 || (strcmp(argv[1], "kept") != 0 && strcmp(argv[1], "new") != 0) ||
            (size = strtoul(argv[3], NULL, 10)) == 0 || size > BATCH_MAX) {
                fprintf(stderr, "usage: ask kept|new ROUNDS BATCH TOKEN-FILE WAY...\n");
                return 2;
        }
        rounds = strtoul(argv[2], NULL, 10);
        if (slurp(argv[4], token, sizeof token) < 0)
                return 1;
        n = (size_t)argc - 5;
        ways = calloc(n, sizeof *ways);
        for (size_t i = 0; i < n; i++)
                if (!ways || !way_init(&ways[i], argv[5 + i], token))
                        return 1;

        for (unsigned long round = 0; round < rounds; round++)
                for (size_t i = 0; i < n; i++)
                        go(&ways[(round + i) % n], argv[1][0] == 'n', size);
        for (size_t i = 0; i < n; i++)
                way_deinit(&ways[i]);
        free(ways);
        return 0;
}
