/* SPDX-License-Identifier: MIT */
/* test-faults-following SOCKET KIND ERRNO once|onwards BEARERD - what libbearer does when a call of
 * its own fails while it follows a token.
 *
 * For all N, a worker with an event loop opens a handle, follows, is told of the token that there
 * is and, where nothing has failed until then, of the next one, with the Nth call of KIND failing,
 * once or from then on. No step may block, or say what bearer.h does not. None of these workers is
 * closed: in the end there is one more token, which each of them must be told of, and then no
 * memory and no descriptor may be left. Runs with faults.so preloaded, against bearerd,
 * of which that is the pid. Prints what is wrong; at its end, how many faults there were. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "fault.h"

#define ONE          "athena"
#define WORKERS_MAX  40
#define TIMEOUT_MS   10000
#define TOLD_MS      15000 /* it is tried again within 10 s */
#define FAILING_MS   300   /* where all fails from then on */
#define STEP_MAX_MS  1000
#define IN_A_ROW_MAX 200 /* steps that do nothing: it spins */

struct worker {
        struct fault fault;
        struct bearer *bearer;
        int fd;
        uint64_t generation; /* that it was told last */
};

static struct worker workers[WORKERS_MAX];
static unsigned n_workers;
static pid_t bearerd;

static bool is_documented(int r, const struct fault *fault) {
        switch (r) {
        case 0:
        case -ECONNRESET:
                return true;
        case -ENOMEM:
                return strcmp(fault->kind, "alloc") == 0 || fault->error == ENOMEM;
        default:
                return r == -fault->error;
        }
}

/* One step. Its result. */
static int dispatch(struct worker *worker) {
        uint64_t generation = 0, start = milliseconds();
        int r = bearer_dispatch(worker->bearer, ONE, &generation);

        if (milliseconds() > start + STEP_MAX_MS)
                wrong(&worker->fault, "bearer_dispatch() blocks", r);
        if (!is_documented(r, &worker->fault))
                wrong(&worker->fault, "bearer_dispatch()", r);
        if (r == 0 && generation > 0 && generation <= worker->generation)
                wrong(&worker->fault, "it tells again what it has told", r);
        if (r == 0 && generation > 0)
                worker->generation = generation;
        return r;
}

/* Until it is told of what is newer than GENERATION; or, with UNTIL_RESULT, something is in the
 * way. */
static bool is_told(struct worker *worker, uint64_t generation, int timeout, bool until_result) {
        uint64_t end = milliseconds() + (uint64_t)timeout;
        unsigned in_a_row = 0;

        while (worker->generation <= generation) {
                struct pollfd pollfd = {worker->fd, POLLIN, 0};
                uint64_t now = milliseconds();
                int r;

                if (now >= end || poll(&pollfd, 1, (int)(end - now)) <= 0)
                        return false;
                r = dispatch(worker);
                if (r != 0 && until_result)
                        return false;
                if (++in_a_row == IN_A_ROW_MAX) {
                        wrong(&worker->fault, "it spins", r);
                        return false;
                }
        }
        return true;
}

/* The next token, as a reload brings it: by a handle of which nothing fails. */
static void renew(struct bearer *bearer, struct bearer_token **token) {
        uint64_t before = bearer_token_generation(*token), end = milliseconds() + TIMEOUT_MS;
        int r = kill(bearerd, SIGHUP);

        while (r == 0 && bearer_token_generation(*token) <= before && milliseconds() < end) {
                struct bearer_token *newer;

                usleep(10000);
                r = bearer_get(bearer, ONE, TIMEOUT_MS, &newer);
                if (r != 0)
                        break;
                bearer_token_unref(*token);
                *token = newer;
        }
        if (r != 0 || bearer_token_generation(*token) <= before) {
                printf("no renewal: %s\n", bearer_strerror(r));
                exit(2);
        }
}

/* Whether the fault has come about, of a worker that is there from now on. */
static bool live(const struct fault *fault, const char *socket, struct bearer *other,
                 struct bearer_token **token) {
        struct worker *worker = &workers[n_workers];
        int r, timeout = fault->onwards ? FAILING_MS : TOLD_MS;

        *worker = (struct worker){.fault = *fault};
        faults_arm(fault->kind, fault->nth, fault->error, fault->onwards);
        r = bearer_open(socket, &worker->bearer);
        if (r == 0)
                r = bearer_fd(worker->bearer, ONE, &worker->fd);
        if (!is_documented(r, fault))
                wrong(fault, "bearer_open(), bearer_fd()", r);
        if (r == 0) {
                is_told(worker, 0, timeout, !fault->onwards);
                faults_hold(true);
                if (worker->generation == bearer_token_generation(*token)) {
                        renew(other, token);
                        faults_hold(false);
                        is_told(worker, worker->generation, timeout, !fault->onwards);
                }
        }
        if (r < 0)
                worker->bearer = bearer_close(worker->bearer);
        else
                n_workers++;
        return faults_disarm() > 0;
}

/* Each of them, of what there is now. */
static void judge(struct worker *worker, uint64_t generation) {
        if (!is_told(worker, generation - 1, TOLD_MS, false))
                wrong(&worker->fault, "it is never told of the next token", 0);
}

int main(int argc, char **argv) {
        struct fault fault;
        struct bearer *other = NULL;
        struct bearer_token *token = NULL;
        unsigned fds = count_fds(), faults = 0;
        int blocks;

        if (argc != 6 || !fault_parse(argc, argv, &fault))
                return 2;
        bearerd = atoi(argv[5]);
        if (bearer_open(argv[1], &other) != 0 || bearer_get(other, ONE, TIMEOUT_MS, &token) != 0)
                return 2;
        renew(other, &token); /* what is allocated once, is */
        blocks = faults_blocks();
        fds = count_fds();
        while (n_workers < WORKERS_MAX && live(&fault, argv[1], other, &token)) {
                faults++;
                fault.nth++;
                if (strcmp(fault.kind, "timerfd_settime") == 0)
                        break; /* what can be set once can be set again */
        }
        renew(other, &token);
        for (unsigned i = 0; i < n_workers; i++)
                judge(&workers[i], bearer_token_generation(token));
        for (unsigned i = 0; i < n_workers; i++)
                bearer_close(workers[i].bearer);
        if (faults_blocks() != blocks)
                wrong(&fault, "blocks of memory that are left", faults_blocks() - blocks);
        if (count_fds() != fds)
                wrong(&fault, "descriptors that are left", (int)(count_fds() - fds));
        bearer_token_unref(token);
        bearer_close(other);
        printf("%u faults\n", faults);
        return mistakes > 0;
}
