/* SPDX-License-Identifier: MIT */
/* threads - a worker of many threads that share one handle and the tokens that it gives, in all the
 * ways that bearer.h permits: they get, renew, hand tokens to each other, and give them back in any
 * order; handles come and go; and in the midst of it the process forks. Then one line says how it
 * went:
 *
 *      answers=4800 renewals=3 fresh=40 children=12 wrong=0
 *
 * and, if something was wrong, what was the first. Made for the thread sanitizer (see
 * test_threads.py), which finds what goes well by luck.
 *
 *      test-threads N ROUNDS */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bearer.h>

#define TIMEOUT_MS       20000
#define THREADS_MAX      64
#define RENEW_EVERY      25
#define FORK_EVERY       40
#define OPEN_EVERY       20
#define CHILD_SECONDS    60
#define CHILD_ROUNDS     3
#define CHILD_IS_CONTENT 7

/* What the threads share. */
static struct bearer *bearer;
static pthread_barrier_t all_there;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bearer_token *known; /* under the lock: the one that was got last */
static unsigned rounds;

/* The sanitizers of gcc 12 do not see to it, as libc does, that a child of many threads finds
 * malloc unlocked: with them a fork waits until nobody is at work. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static const bool fork_waits = true;
#else
static const bool fork_waits = false;
#endif
static pthread_rwlock_t at_work = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static atomic_uint answers, renewals, fresh, children, wrong;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...) {
        va_list arguments;

        if (atomic_fetch_add(&wrong, 1) > 0)
                return;
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
}

/* Reads all that is in it. */
static bool is_good(const struct bearer_token *token) {
        return strlen(bearer_token_value(token)) > 32 &&
               strcmp(bearer_token_name(token), "athena") == 0 &&
               bearer_token_generation(token) > 0 && bearer_token_expires_at(token) > 0 &&
               bearer_token_expires_in(token) > 0 &&
               strcmp(bearer_token_practice_id(token), "195900") == 0 &&
               strlen(bearer_token_scope(token)) < 64;
}

/* Everybody may have it from now on; the reference is consumed. */
static void share(struct bearer_token *token) {
        struct bearer_token *old;

        pthread_mutex_lock(&lock);
        old = known;
        known = token;
        pthread_mutex_unlock(&lock);
        bearer_token_unref(old); /* of many threads, whichever is last wipes it */
}

static struct bearer_token *shared(void) {
        struct bearer_token *token;

        pthread_mutex_lock(&lock);
        token = bearer_token_ref(known);
        pthread_mutex_unlock(&lock);
        return token;
}

/* *LAST is the generation that this thread has seen, and never gets one below again. */
static void get(struct bearer *from, uint64_t *last) {
        struct bearer_token *token = NULL;
        int r = bearer_get(from, "athena", TIMEOUT_MS, &token);

        if (r != 0) {
                complain("bearer_get: %s", bearer_strerror(r));
                return;
        }
        atomic_fetch_add(&answers, 1);
        if (!is_good(token) || bearer_token_generation(token) < *last)
                complain("a token of generation %ju after one of %ju",
                         (uintmax_t)bearer_token_generation(token), (uintmax_t)*last);
        *last = bearer_token_generation(token);
        share(token); /* consumed */
}

static void renew(void) {
        struct bearer_token *refused = shared(), *token = NULL;
        int r = bearer_renew(bearer, refused, TIMEOUT_MS, &token);

        if (r == 0) {
                atomic_fetch_add(&renewals, 1);
                if (!is_good(token) ||
                    bearer_token_generation(token) <= bearer_token_generation(refused))
                        complain("a renewal that is none");
        } else if (r == BEARER_E_FRESH) {
                atomic_fetch_add(&fresh, 1);
        } else {
                complain("bearer_renew: %s", bearer_strerror(r));
        }
        bearer_token_unref(refused);
        bearer_token_unref(token);
}

static void open_another(uint64_t *last) {
        struct bearer *another = NULL;
        int r = bearer_open(NULL, &another);

        if (r != 0) {
                complain("bearer_open: %s", bearer_strerror(r));
                return;
        }
        get(another, last);
        bearer_close(another);
}

/* A child of this thread alone: the others, and what they were about to do, are not in it. */
static void live_as_child(struct bearer_token *token) {
        unsigned good = 0;

        alarm(CHILD_SECONDS); /* one that hangs is found, and not left behind */
        for (unsigned i = 0; i < CHILD_ROUNDS; i++) {
                struct bearer_token *own = NULL;

                if (bearer_get(bearer, "athena", TIMEOUT_MS, &own) == 0)
                        good += is_good(own);
                bearer_token_unref(own);
        }
        good += is_good(token);
        bearer_token_unref(token);
        bearer_close(bearer);
        _exit(good == CHILD_ROUNDS + 1 ? CHILD_IS_CONTENT : 1);
}

static void have_child(void) {
        struct bearer_token *token = shared();
        int status = 0;
        pid_t pid;

        if (fork_waits)
                pthread_rwlock_wrlock(&at_work);
        pid = fork();
        if (pid == 0)
                live_as_child(token);
        if (fork_waits)
                pthread_rwlock_unlock(&at_work);
        bearer_token_unref(token);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
            WEXITSTATUS(status) != CHILD_IS_CONTENT)
                complain("a child ends with %x", status);
        else
                atomic_fetch_add(&children, 1);
}

static void *work(void *argument) {
        unsigned nth = *(const unsigned *)argument;
        uint64_t last = 0;

        pthread_barrier_wait(&all_there);
        for (unsigned i = 0; i < rounds; i++) {
                unsigned turn = i + nth * 7; /* not all of them do the same at once */

                if (fork_waits)
                        pthread_rwlock_rdlock(&at_work);
                get(bearer, &last);
                if (turn % RENEW_EVERY == 0)
                        renew();
                if (turn % OPEN_EVERY == 0)
                        open_another(&last);
                if (fork_waits)
                        pthread_rwlock_unlock(&at_work);
                if (turn % FORK_EVERY == 0)
                        have_child();
        }
        return NULL;
}

int main(int argc, char **argv) {
        pthread_t threads[THREADS_MAX];
        unsigned numbers[THREADS_MAX];
        unsigned n = argc == 3 ? (unsigned)atoi(argv[1]) : 0;

        rounds = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
        if (n < 1 || n > THREADS_MAX || rounds < 1 || bearer_open(NULL, &bearer) != 0) {
                fputs("usage: test-threads N ROUNDS\n", stderr);
                return EXIT_FAILURE;
        }
        pthread_barrier_init(&all_there, NULL, n);
        for (unsigned i = 0; i < n; i++) {
                numbers[i] = i;
                if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0)
                        abort();
        }
        for (unsigned i = 0; i < n; i++)
                pthread_join(threads[i], NULL);
        bearer_close(bearer);
        if (!known || !is_good(known)) /* it outlives its handle */
                complain("no token is left");
        bearer_token_unref(known);
        printf("answers=%u renewals=%u fresh=%u children=%u wrong=%u\n", answers, renewals, fresh,
               children, wrong);
        return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
