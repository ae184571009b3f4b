/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "client/bearerctl_token.h"
#include "client/renewal.h"
#include "client/signals.h"
#include "client/supervisor.h"

/* What a command has after SIGTERM, to end by itself. */
#define GRACE (10 * NSEC_PER_SEC)

struct supervisor {
        const struct ctl *ctl;
        int (*run)(const struct ctl *ctl, const struct bearer_token *token);
        struct renewal *renewal;
        struct bearer_token *next; /* what it is to be started with; NULL: it has the newest one */
        int signals;
        sigset_t mask; /* of the command */
        pid_t pid;
        int pidfd;
        uint64_t kill_at; /* NEVER: it was not told to end */
        bool is_to_end;   /* a signal was passed on */
};

static void supervisor_deinit(struct supervisor *supervisor) {
        renewal_free(supervisor->renewal);
        bearer_token_unref(supervisor->next);
        if (supervisor->signals >= 0)
                close(supervisor->signals);
        if (supervisor->pidfd >= 0)
                close(supervisor->pidfd);
}

static void become_command(const struct supervisor *supervisor, const struct bearer_token *token,
                           pid_t parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(EX_OSERR); /* it was killed before that */
        pthread_sigmask(SIG_SETMASK, &supervisor->mask, NULL);
        _exit(supervisor->run(supervisor->ctl, token));
}

static int start(struct supervisor *supervisor, const struct bearer_token *token) {
        pid_t parent = getpid();

        supervisor->kill_at = NEVER;
        supervisor->pid = fork();
        if (supervisor->pid < 0)
                return -errno;
        if (supervisor->pid == 0)
                become_command(supervisor, token, parent);
        supervisor->pidfd = pidfd_open(supervisor->pid, 0);
        return supervisor->pidfd < 0 ? -errno : 0;
}

static void tell_to_end(struct supervisor *supervisor) {
        kill(supervisor->pid, SIGTERM);
        kill(supervisor->pid, SIGCONT); /* one that is stopped would not notice */
        supervisor->kill_at = time_add(clock_now(), GRACE);
}

/* Signals of the terminal have reached the command already. */
static void pass_signals(struct supervisor *supervisor) {
        bool by_terminal;
        int number;

        while ((number = signals_take(supervisor->signals, &by_terminal)) > 0) {
                supervisor->is_to_end = true;
                if (!by_terminal)
                        kill(supervisor->pid, number);
        }
}

/* What cannot be known just now will be known later: the command goes on with what it has. */
static void take_renewal(struct supervisor *supervisor) {
        struct bearer_token *newer;

        if (renewal_take(supervisor->renewal, &newer) != 0 || !newer)
                return;
        bearer_token_unref(supervisor->next);
        supervisor->next = newer; /* consumed */
        if (supervisor->kill_at == NEVER && !supervisor->is_to_end)
                tell_to_end(supervisor);
}

/* 1: it is over, with *RET_STATUS; 0: it was started again; -errno. */
static int command_ended(struct supervisor *supervisor, int *ret_status) {
        _cleanup_token_ struct bearer_token *token = supervisor->next;
        bool was_told = supervisor->kill_at != NEVER;
        int status;

        supervisor->next = NULL; /* consumed */
        while (waitpid(supervisor->pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        close(supervisor->pidfd);
        supervisor->pidfd = -1;
        if (was_told && token && !supervisor->is_to_end)
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
                        {.fd = supervisor->pidfd, .events = POLLIN},
                        {.fd = supervisor->signals, .events = POLLIN},
                        {.fd = renewal_fd(supervisor->renewal), .events = POLLIN},
                };
                int r;

                if (poll(ready, 3, timeout_of(supervisor)) < 0 && errno != EINTR)
                        return -errno;
                if (clock_now() >= supervisor->kill_at) {
                        kill(supervisor->pid, SIGKILL);
                        supervisor->kill_at = time_add(clock_now(), GRACE);
                }
                if (ready[1].revents)
                        pass_signals(supervisor);
                if (ready[2].revents)
                        take_renewal(supervisor);
                if (!ready[0].revents)
                        continue;
                r = command_ended(supervisor, ret_status);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

int supervise(const struct ctl *ctl, struct bearer *bearer, const struct bearer_token *token,
              int (*run)(const struct ctl *ctl, const struct bearer_token *token),
              int *ret_status) {
        static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, 0};
        _cleanup_(supervisor_deinit) struct supervisor supervisor = {
                .ctl = ctl, .run = run, .signals = -1, .pidfd = -1, .kill_at = NEVER};
        int r;

        r = renewal_new(ctl->socket, bearer, token, &supervisor.renewal);
        if (r < 0)
                return r;
        supervisor.signals = signals_open(numbers, &supervisor.mask);
        if (supervisor.signals < 0)
                return supervisor.signals;
        r = start(&supervisor, token);
        return r < 0 ? r : go_on(&supervisor, ret_status);
}
