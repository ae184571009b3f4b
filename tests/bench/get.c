/* SPDX-License-Identifier: MIT */
/* get - what a token costs inside one worker, by its threads: libbearer beside other ways of
 * sharing a token that is in memory already.
 *
 *      get ROUNDS SOCKET
 *
 * In each round every way is gone by one thread, then by two at once, each on a processor of its
 * own. The threads share a handle. For each way it prints
 *
 *      NAME THREADS MEDIAN ERRORS
 *
 * the time in nanoseconds of one get in one thread. What is shared otherwise is the same token: a
 * copy made under a mutex, and a reference count that all threads write to. Neither is told when it
 * is renewed, which libbearer is. */
#include <bearer.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stopwatch.h"

#define THREADS_MAX 2
#define BATCHES     20
#define BATCH_NS    1000000  /* a batch takes about that long */
#define PAUSE_NS    20000000 /* lets others to the processors */
#define ROUNDS_MAX  10000
#define VALUE_MAX   16384

static struct bearer *bearer;
static uint64_t generation;

/* A token that threads share by other means. */
static struct {
        pthread_mutex_t lock;
        char value[VALUE_MAX];
        size_t size; /* with its NUL */
        atomic_uint references;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER, .references = 1};

/* ---- the ways: each gets N times, and looks at what came. How many gets have failed ---- */

static bool is_right(void) {
        struct bearer_token *token = NULL;
        bool is_good = bearer_get(bearer, NULL, -1, &token) == 0 &&
                       bearer_token_generation(token) == generation;

        bearer_token_unref(token);
        return is_good;
}

static uint64_t get(size_t n) {
        uint64_t errors = 0;

        for (size_t i = 0; i < n; i++) {
                struct bearer_token *token = NULL;

                errors += bearer_get(bearer, NULL, -1, &token) != 0;
                bearer_token_unref(token);
        }
        return errors + !is_right();
}

static uint64_t get_copied(size_t n) {
        char copy[VALUE_MAX] = "";
        uint64_t errors = 0;

        for (size_t i = 0; i < n; i++) {
                struct bearer_token *token = NULL;

                if (bearer_get(bearer, NULL, -1, &token) == 0)
                        memcpy(copy, bearer_token_value(token), bearer_token_length(token) + 1);
                else
                        errors++;
                __asm__ volatile("" : : "r"(copy) : "memory");
                bearer_token_unref(token);
        }
        return errors + (strcmp(copy, shared.value) != 0 || !is_right());
}

static uint64_t by_mutex(size_t n) {
        char copy[VALUE_MAX] = "";

        for (size_t i = 0; i < n; i++) {
                pthread_mutex_lock(&shared.lock);
                memcpy(copy, shared.value, shared.size);
                pthread_mutex_unlock(&shared.lock);
                __asm__ volatile("" : : "r"(copy) : "memory");
        }
        return strcmp(copy, shared.value) != 0;
}

static uint64_t by_reference_count(size_t n) {
        uint64_t errors = 0;

        for (size_t i = 0; i < n; i++) {
                atomic_fetch_add_explicit(&shared.references, 1, memory_order_relaxed);
                errors +=
                        atomic_fetch_sub_explicit(&shared.references, 1, memory_order_acq_rel) < 2;
        }
        return errors;
}

static struct way {
        const char *name;
        uint64_t (*get)(size_t n);
        uint64_t errors;
        size_t n;
        uint64_t took[ROUNDS_MAX * THREADS_MAX];
} ways[][THREADS_MAX] = {
        {{"libbearer", get}, {"libbearer", get}},
        {{"libbearer-copied", get_copied}, {"libbearer-copied", get_copied}},
        {{"mutex-copied", by_mutex}, {"mutex-copied", by_mutex}},
        {{"reference-count", by_reference_count}, {"reference-count", by_reference_count}},
};

/* Threads that go one way at once. */
struct crowd {
        const struct way *way;
        unsigned threads;
        pthread_barrier_t start;
        atomic_uint measured; /* threads that are done, and go on for the others' sake */
};

struct worker {
        pthread_t thread;
        struct crowd *crowd;
        unsigned number;
        uint64_t errors, median;
};

static uint64_t batch(struct worker *worker, size_t n) {
        uint64_t began = now_ns();

        worker->errors += worker->crowd->way->get(n);
        return now_ns() - began;
}

/* How many take about as long as a batch shall. */
static size_t batch_size(struct worker *worker) {
        size_t n = 16;

        while (batch(worker, n) < BATCH_NS / 2)
                n *= 2;
        return n;
}

/* The first one is alone on the last processor, as whatever is measured here. */
static void pin(unsigned number) {
        cpu_set_t processors;
        int processor = CPU_SETSIZE;

        sched_getaffinity(0, sizeof processors, &processors);
        for (unsigned i = 0; i <= number; i++)
                do
                        processor--;
                while (processor > 0 && !CPU_ISSET(processor, &processors));
        CPU_ZERO(&processors);
        CPU_SET(processor, &processors);
        sched_setaffinity(0, sizeof processors, &processors);
}

static void *work(void *argument) {
        struct worker *worker = argument;
        struct crowd *crowd = worker->crowd;
        uint64_t took[BATCHES];
        size_t n;

        pin(worker->number);
        n = batch_size(worker);
        pthread_barrier_wait(&crowd->start);
        for (size_t i = 0; i < BATCHES; i++)
                took[i] = batch(worker, n) * 1000 / n;
        atomic_fetch_add(&crowd->measured, 1);
        while (atomic_load(&crowd->measured) < crowd->threads)
                batch(worker, n);
        sort_ns(took, BATCHES);
        worker->median = percentile(took, BATCHES, 50);
        return NULL;
}

static bool go(struct way *way, unsigned threads) {
        struct crowd crowd = {.way = way, .threads = threads};
        struct worker workers[THREADS_MAX];

        pthread_barrier_init(&crowd.start, NULL, threads);
        for (unsigned i = 0; i < threads; i++) {
                workers[i] = (struct worker){.crowd = &crowd, .number = i};
                if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
                        return false;
        }
        for (unsigned i = 0; i < threads; i++) {
                pthread_join(workers[i].thread, NULL);
                way->took[way->n++] = workers[i].median;
                way->errors += workers[i].errors;
        }
        pthread_barrier_destroy(&crowd.start);
        sleep_ns(PAUSE_NS);
        return true;
}

static bool learn(const char *socket) {
        struct bearer_token *token = NULL;

        if (bearer_open(socket, &bearer) != 0 || bearer_get(bearer, NULL, -1, &token) != 0)
                return false;
        generation = bearer_token_generation(token);
        shared.size = strlen(bearer_token_value(token)) + 1;
        memcpy(shared.value, bearer_token_value(token), shared.size);
        bearer_token_unref(token);
        return true;
}

int main(int argc, char **argv) {
        const size_t n_ways = sizeof ways / sizeof *ways;
        unsigned long rounds;

        if (argc != 3 || (rounds = strtoul(argv[1], NULL, 10)) == 0 || rounds > ROUNDS_MAX) {
                fprintf(stderr, "usage: get ROUNDS SOCKET\n");
                return 2;
        }
        if (!learn(argv[2])) {
                fprintf(stderr, "get: no token\n");
                return 1;
        }
        for (unsigned long round = 0; round < rounds; round++)
                for (size_t i = 0; i < n_ways; i++)
                        for (unsigned threads = 1; threads <= THREADS_MAX; threads++)
                                if (!go(&ways[(i + round) % n_ways][threads - 1], threads))
                                        return 1;
        for (size_t i = 0; i < n_ways; i++)
                for (unsigned threads = 1; threads <= THREADS_MAX; threads++) {
                        struct way *way = &ways[i][threads - 1];

                        sort_ns(way->took, way->n);
                        printf("%s %u %.1f %" PRIu64 "\n", way->name, threads,
                               (double)percentile(way->took, way->n, 50) / 1000, way->errors);
                }
        bearer_close(bearer);
        return 0;
}
