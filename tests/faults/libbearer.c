/* SPDX-License-Identifier: MIT */
/* test-faults-libbearer SOCKET KIND ERRNO once|onwards - what libbearer does when a call of its own
 * fails.
 *
 * Opens a handle, gets a token by its name, as the default one (on a kept connection), and once
 * more (which this thread keeps), asks for a newer one and closes, with the Nth call of KIND
 * failing, for all N, once or from then on. Each call must return what bearer.h says, write nothing
 * but on success, leave no memory and no descriptor behind, and the next one must succeed. Runs
 * with faults.so preloaded, against a bearerd. Prints what is wrong; at its end, how many faults
 * there were. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bearer.h>

#include "fault.h"

#define TIMEOUT_MS 500
#define ONE        "athena"

/* By bearer.h: the errno as it is; no memory, whatever was allocated; a hang-up; what a call that
 * is tried again until the timeout says; that a token is fresh, of bearer_renew(). */
static bool is_documented(int r, const struct fault *fault) {
        switch (r) {
        case 0:
        case -ECONNRESET:
        case BEARER_E_FRESH:
                return true;
        case -ENOMEM:
                return strcmp(fault->kind, "alloc") == 0 || strcmp(fault->kind, "mmap") == 0 ||
                       fault->error == ENOMEM;
        case BEARER_E_TIMEOUT:
                /* Who hears that bearerd has hung up waits for its last answer. */
                return fault->onwards || fault->error == EPIPE || fault->error == ECONNRESET;
        default:
                return r == -fault->error && fault->error != EAGAIN && fault->error != EINTR;
        }
}

static bool is_good(const struct bearer_token *token) {
        return strcmp(bearer_token_name(token), ONE) == 0 &&
               strlen(bearer_token_value(token)) > 20 && bearer_token_expires_in(token) > 0;
}

/* What a call has returned and written. Consumes TOKEN. */
static void check(const struct fault *fault, const char *call, int r, struct bearer_token *token) {
        if (!is_documented(r, fault))
                wrong(fault, call, r);
        if ((r == 0) != (token != NULL) || (token && !is_good(token)))
                wrong(fault, "it has written something else than a token", r);
        bearer_token_unref(token);
}

static void get(const struct fault *fault, struct bearer *bearer, const char *name) {
        struct bearer_token *token = NULL;
        uint64_t start = milliseconds();
        int r = bearer_get(bearer, name, TIMEOUT_MS, &token);

        check(fault, "bearer_get()", r, token);
        if (milliseconds() > start + TIMEOUT_MS + 1000)
                wrong(fault, "it took longer than its timeout", r);
}

/* One of which nothing failed, to be refused. */
static void renew(const struct fault *fault, struct bearer *bearer, struct bearer_token *refused) {
        struct bearer_token *token = NULL;
        int r = bearer_renew(bearer, refused, TIMEOUT_MS, &token);

        if (r == BEARER_E_TIMEOUT && !token)
                return; /* a renewal takes its time */
        check(fault, "bearer_renew()", r, token);
}

struct errand {
        const struct fault *fault;
        struct bearer *bearer;
};

static void *go(void *user) {
        const struct errand *errand = user;
        struct bearer_token *token = NULL;
        int r = bearer_get(errand->bearer, ONE, TIMEOUT_MS, &token);

        if (r != 0 || !is_good(token))
                wrong(errand->fault, "the next bearer_get()", r);
        bearer_token_unref(token);
        return NULL;
}

/* In a thread that keeps nothing yet. */
static void go_on(const struct fault *fault, struct bearer *bearer) {
        struct errand errand = {fault, bearer};
        pthread_t thread;

        if (pthread_create(&thread, NULL, go, &errand) != 0)
                abort();
        pthread_join(thread, NULL);
}

static void live(const struct fault *fault, const char *socket, struct bearer_token *refused) {
        struct bearer *bearer = NULL;
        int r = bearer_open(socket, &bearer);

        if (!is_documented(r, fault) || (r == 0) != (bearer != NULL))
                wrong(fault, "bearer_open()", r);
        if (r == 0) {
                get(fault, bearer, ONE);
                get(fault, bearer, NULL);
                get(fault, bearer, ONE);
                renew(fault, bearer, refused);
        }
        if (strcmp(fault->kind, "close") != 0) /* which the end does */
                faults_disarm();
        if (r == 0)
                go_on(fault, bearer);
        bearer_close(bearer);
}

/* Whether the fault has come about. */
static bool try(const struct fault *fault, const char *socket, struct bearer_token *refused) {
        int blocks = faults_blocks();
        unsigned fds = count_fds();

        faults_arm(fault->kind, fault->nth, fault->error, fault->onwards);
        live(fault, socket, refused);
        if (faults_blocks() != blocks)
                wrong(fault, "blocks of memory that are left", faults_blocks() - blocks);
        if (count_fds() != fds)
                wrong(fault, "descriptors that are left", (int)(count_fds() - fds));
        return faults_disarm() > 0;
}

int main(int argc, char **argv) {
        struct fault fault = {.nth = 1};
        struct bearer_token *refused = NULL;
        struct bearer *bearer = NULL;
        unsigned faults = 0;

        if (!fault_parse(argc, argv, &fault) || bearer_open(argv[1], &bearer) != 0 ||
            bearer_get(bearer, ONE, 20 * TIMEOUT_MS, &refused) != 0)
                return 2;
        go_on(&fault, bearer); /* what libc has for a thread, it has for the next one */
        bearer_close(bearer);
        for (; try(&fault, argv[1], refused); fault.nth++)
                faults++;
        bearer_token_unref(refused);
        printf("%u faults\n", faults);
        return mistakes > 0;
}
