/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/child.h"
#include "client/signals.h"

int child_init(struct child *child) {
        static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, 0};
        int fd = signals_open(numbers, &child->mask);

        if (fd < 0)
                return fd;
        child->signals = fd;
        return 0;
}

void child_deinit(struct child *child) {
        if (child->signals >= 0)
                close(child->signals);
        if (child->pidfd >= 0)
                close(child->pidfd);
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
        child->pidfd = pidfd_open(pid, 0);
        return child->pidfd < 0 ? -errno : pid;
}

/* Signals of the terminal have reached the command already. */
void child_pass_signals(struct child *child) {
        bool by_terminal;
        int number;

        while ((number = signals_take(child->signals, &by_terminal)) > 0) {
                child->passed_on = number;
                if (!by_terminal)
                        kill(child->pid, number);
        }
}

int child_reap(struct child *child, int *ret_status) {
        while (waitpid(child->pid, ret_status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        close(child->pidfd);
        child->pidfd = -1;
        return 0;
}

int child_wait(struct child *child, int *ret_status) {
        for (;;) {
                struct pollfd ready[] = {
                        {.fd = child->pidfd, .events = POLLIN},
                        {.fd = child->signals, .events = POLLIN},
                };

                if (poll(ready, 2, -1) < 0 && errno != EINTR)
                        return -errno;
                if (ready[1].revents)
                        child_pass_signals(child);
                if (ready[0].revents)
                        return child_reap(child, ret_status);
        }
}

void child_release(struct child *child) {
        pthread_sigmask(SIG_SETMASK, &child->mask, NULL);
        if (child->passed_on != 0)
                raise(child->passed_on);
}
