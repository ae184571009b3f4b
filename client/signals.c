/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client/signals.h"

/* As nohup(1) wants it, and shells for what runs in the background. */
static bool is_ignored(int number) {
        struct sigaction action;

        return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int signals_open(const int *numbers, sigset_t *ret_before) {
        sigset_t set;
        int fd;

        sigemptyset(&set);
        for (; *numbers; numbers++)
                if (!is_ignored(*numbers))
                        sigaddset(&set, *numbers);
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        pthread_sigmask(SIG_BLOCK, &set, ret_before);
        return fd;
}

int signals_take(int fd, bool *ret_by_terminal) {
        struct signalfd_siginfo info;

        if (read(fd, &info, sizeof info) != sizeof info)
                return 0;
        if (ret_by_terminal)
                *ret_by_terminal = info.ssi_code == SI_KERNEL;
        return (int)info.ssi_signo;
}
