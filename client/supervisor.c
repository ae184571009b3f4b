/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/bearerctl_token.h"
#include "client/child.h"
#include "client/renewal.h"
#include "client/supervisor.h"

/* What a command has after SIGTERM, to end by itself. */
#define GRACE (10 * NSEC_PER_SEC)

struct supervisor {
        const struct ctl *ctl;
        int (*run)(const struct ctl *ctl, const struct bearer_token *token);
        struct renewal *renewal;
        struct bearer_token *next; /* what it is to be started with; NULL: it has the newest one */
        struct child child;
        uint64_t kill_at; /* NEVER: it was not told to end */
};

static void supervisor_deinit(struct supervisor *supervisor) {
        renewal_free(supervisor->renewal);
        bearer_token_unref(supervisor->next);
        child_deinit(&supervisor->child);
}

static int start(struct supervisor *supervisor, const struct bearer_token *token) {
        pid_t pid = child_fork(&supervisor->child);

        if (pid == 0)
                _exit(supervisor->run(supervisor->ctl, token));
        supervisor->kill_at = NEVER;
        return pid < 0 ? pid : 0;
}

static void tell_to_end(struct supervisor *supervisor) {
        kill(supervisor->child.pid, SIGTERM);
        kill(supervisor->child.pid, SIGCONT); /* one that is stopped would not notice */
        supervisor->kill_at = time_add(clock_now(), GRACE);
}

/* Whoever signals it means the command, which is not started again, then. */
static bool is_to_end(const struct supervisor *supervisor) {
        return supervisor->child.passed_on != 0;
}

/* What cannot be known just now will be known later: the command goes on with what it has. */
static void take_renewal(struct supervisor *supervisor) {
        struct bearer_token *newer;

        if (renewal_take(supervisor->renewal, &newer) != 0 || !newer)
                return;
        bearer_token_unref(supervisor->next);
        supervisor->next = newer; /* consumed */
        if (supervisor->kill_at == NEVER && !is_to_end(supervisor))
                tell_to_end(supervisor);
}

/* 1: it is over, with *RET_STATUS; 0: it was started again; -errno. */
static int command_ended(struct supervisor *supervisor, int status, int *ret_status) {
        _cleanup_token_ struct bearer_token *token = supervisor->next;
        bool was_told = supervisor->kill_at != NEVER;

        supervisor->next = NULL; /* consumed */
        if (was_told && token && !is_to_end(supervisor))
                return start(supervisor, token);
        *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return 1;
}

static int timeout_of(const struct supervisor *supervisor) {
        uint64_t left = time_until(supervisor->kill_at, clock_now());

        return left == NEVER ? -1 : (int)(left / NSEC_PER_MSEC) + 1;
}

static int go_on(struct supervisor *supervisor, int *ret_status) {
        for (;;) {
                struct pollfd ready[] = {
                        {.fd = supervisor->child.signals, .events = POLLIN},
                        {.fd = renewal_fd(supervisor->renewal), .events = POLLIN},
                };
                int status, r;

                if (poll(ready, 2, timeout_of(supervisor)) < 0 && errno != EINTR)
                        return -errno;
                if (clock_now() >= supervisor->kill_at) {
                        kill(supervisor->child.pid, SIGKILL);
                        supervisor->kill_at = time_add(clock_now(), GRACE);
                }
                child_pass_signals(&supervisor->child);
                if (ready[1].revents)
                        take_renewal(supervisor);
                r = child_reap(&supervisor->child, &status);
                if (r > 0)
                        r = command_ended(supervisor, status, ret_status);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

int supervise(const struct ctl *ctl, struct bearer *bearer, const struct bearer_token *token,
              int (*run)(const struct ctl *ctl, const struct bearer_token *token),
              int *ret_status) {
        _cleanup_(supervisor_deinit) struct supervisor supervisor = {
                .ctl = ctl, .run = run, .child = CHILD_INIT, .kill_at = NEVER};
        int r;

        r = renewal_new(ctl->socket, bearer, token, &supervisor.renewal);
        if (r < 0)
                return r;
        r = child_init(&supervisor.child);
        if (r == 0)
                r = start(&supervisor, token);
        return r < 0 ? r : go_on(&supervisor, ret_status);
}
