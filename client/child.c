/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/child.h"
#include "client/signals.h"

/* Where SIGCHLD is ignored, which is inherited, the kernel tells of no end, and keeps no status. */
int child_init(struct child *child) {
        static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD, 0};
        int fd;

        signal(SIGCHLD, SIG_DFL);
        fd = signals_open(numbers, &child->mask);
        if (fd < 0)
                return fd;
        child->signals = fd;
        return 0;
}

void child_deinit(struct child *child) {
        if (child->signals >= 0)
                close(child->signals);
        *child = CHILD_INIT;
}

pid_t child_fork(struct child *child) {
        pid_t parent = getpid(), pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                if (getppid() != parent)
                        _exit(EX_OSERR); /* it was killed before that */
                pthread_sigmask(SIG_SETMASK, &child->mask, NULL);
                return 0;
        }
        child->pid = pid;
        return pid;
}

/* Signals of the terminal have reached the command already, but for a hangup: the leader of the
 * session alone has that. Twice does no harm. */
void child_pass_signals(struct child *child) {
        bool by_terminal;
        int number;

        while ((number = signals_take(child->signals, &by_terminal)) > 0) {
                if (number == SIGCHLD)
                        continue; /* it is for child_reap() */
                child->passed_on = number;
                if (!by_terminal || number == SIGHUP)
                        kill(child->pid, number);
        }
}

int child_reap(struct child *child, int *ret_status) {
        int status;
        pid_t pid = waitpid(child->pid, &status, WNOHANG);

        if (pid <= 0)
                return pid < 0 ? -errno : 0;
        *ret_status = status;
        return 1;
}

int child_wait(struct child *child, int *ret_status) {
        for (;;) {
                struct pollfd ready = {.fd = child->signals, .events = POLLIN};
                int r;

                if (poll(&ready, 1, -1) < 0 && errno != EINTR)
                        return -errno;
                child_pass_signals(child);
                r = child_reap(child, ret_status);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

void child_release(struct child *child) {
        pthread_sigmask(SIG_SETMASK, &child->mask, NULL);
        if (child->passed_on != 0)
                raise(child->passed_on);
}
