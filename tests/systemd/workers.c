/* SPDX-License-Identifier: MIT */
/* workers - many busy processes that ask for the default token by libbearer, again and again, until
 * SIGTERM. Then one line says how it went:
 *
 *      workers=50 answers=123456 failures=0 backwards=0 generations=1 expired=0 longest_ms=612
 *
 * and, if there were failures, what the first one was. Whatever is wrong is counted, and is no
 * reason to stop.
 *
 *      workers N PAUSE_US [TIMEOUT_MS] */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bearer.h>

#define TIMEOUT_MS  10000 /* if none is given */
#define WORKERS_MAX 1000

/* Each one's own, in memory that all share. */
struct worker {
        uint64_t answers;
        uint64_t failures;
        uint64_t backwards; /* generations lower than one before */
        uint64_t renewals;  /* generations higher than the one before */
        uint64_t expired;   /* tokens that the wall clock said had expired before */
        uint64_t longest_us;
        int first_failure;
};

static volatile sig_atomic_t stopped;
static int timeout_ms = TIMEOUT_MS;

static void stop(int signal) {
        stopped = 1;
}

static uint64_t now_us(void) {
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t unix_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec;
}

static void note_failure(struct worker *worker, int r) {
        if (worker->failures++ == 0)
                worker->first_failure = r;
}

/* Returns the generation that counts from now on. */
static uint64_t note_answer(struct worker *worker, struct bearer_token *token, uint64_t asked_at,
                            uint64_t last) {
        uint64_t generation = bearer_token_generation(token);

        worker->answers++;
        worker->backwards += generation < last;
        worker->renewals += last > 0 && generation > last;
        worker->expired += bearer_token_expires_at(token) <= asked_at;
        if (bearer_token_value(token)[0] == 0)
                note_failure(worker, 0);
        bearer_token_unref(token);
        return generation;
}

static void work(struct worker *worker, useconds_t pause_us) {
        struct bearer *bearer;
        uint64_t last = 0;
        int r = bearer_open(NULL, &bearer);

        if (r != 0) {
                note_failure(worker, r);
                return;
        }
        while (!stopped) {
                struct bearer_token *token;
                uint64_t asked_at = unix_now(), begun = now_us(), took;

                r = bearer_get(bearer, NULL, timeout_ms, &token);
                took = now_us() - begun;
                if (took > worker->longest_us)
                        worker->longest_us = took;
                if (r == 0)
                        last = note_answer(worker, token, asked_at, last);
                else
                        note_failure(worker, r);
                if (pause_us > 0)
                        usleep(pause_us);
        }
        bearer_close(bearer);
}

static void report(const struct worker *workers, long n) {
        struct worker sum = {0};
        uint64_t most_renewals = 0;

        for (long i = 0; i < n; i++) {
                const struct worker *worker = &workers[i];

                sum.answers += worker->answers;
                sum.backwards += worker->backwards;
                sum.expired += worker->expired;
                if (sum.failures == 0)
                        sum.first_failure = worker->first_failure;
                sum.failures += worker->failures;
                if (worker->renewals > most_renewals)
                        most_renewals = worker->renewals;
                if (worker->longest_us > sum.longest_us)
                        sum.longest_us = worker->longest_us;
        }
        printf("workers=%ld answers=%llu failures=%llu backwards=%llu generations=%llu "
               "expired=%llu longest_ms=%llu\n",
               n, (unsigned long long)sum.answers, (unsigned long long)sum.failures,
               (unsigned long long)sum.backwards, (unsigned long long)most_renewals + 1,
               (unsigned long long)sum.expired, (unsigned long long)sum.longest_us / 1000);
        if (sum.failures > 0)
                printf("first failure: %s\n", bearer_strerror(sum.first_failure));
}

/* How many could be started. */
static long start(struct worker *workers, long n, useconds_t pause_us, const sigset_t *unblocked) {
        for (long i = 0; i < n; i++) {
                pid_t pid = fork();

                if (pid < 0)
                        return i;
                if (pid > 0)
                        continue;
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                sigprocmask(SIG_SETMASK, unblocked, NULL);
                work(&workers[i], pause_us);
                _exit(0);
        }
        return n;
}

int main(int argc, char **argv) {
        struct sigaction action = {.sa_handler = stop};
        long n = argc == 3 || argc == 4 ? strtol(argv[1], NULL, 10) : 0, started;
        struct worker *workers;
        sigset_t term, unblocked;

        if (n < 1 || n > WORKERS_MAX) {
                fprintf(stderr, "usage: workers N PAUSE_US [TIMEOUT_MS]\n");
                return 2;
        }
        if (argc == 4)
                timeout_ms = (int)strtol(argv[3], NULL, 10);
        workers = mmap(NULL, (size_t)n * sizeof *workers, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (workers == MAP_FAILED)
                return 1;
        setpgid(0, 0); /* so that all can be told to stop, and nobody else */
        sigaction(SIGTERM, &action, NULL);
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, &unblocked);
        started = start(workers, n, (useconds_t)strtoul(argv[2], NULL, 10), &unblocked);
        while (!stopped)
                sigsuspend(&unblocked);
        kill(0, SIGTERM);
        while (wait(NULL) > 0)
                ;
        report(workers, started);
        return 0;
}
