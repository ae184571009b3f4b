/* SPDX-License-Identifier: MIT */
/* start - starts a program again and again, and says what each time took.
 *
 *      start ready|asked TIMES PROGRAM [ARGUMENT...]
 *
 * "ready": until it says READY=1 (sd_notify(3)), and then it is sent SIGTERM. "asked": with a
 * socket as its standard input, on which it is sent "athena\n", until it ends.
 *
 * For each time it prints the nanoseconds from just before exec, those of processor time from start
 * to end, and the most memory that it had, in KiB. It is small itself: the kernel counts who is
 * about to exec, too. Ends with 1 at the first time that does not go well. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stopwatch.h"

#define TIMEOUT_MS 20000
#define REQUEST    "athena\n"

struct run {
        pid_t pid;
        int fd; /* where it is heard of */
        uint64_t began;
};

static uint64_t ns_of(const struct timeval *time) {
        return (uint64_t)time->tv_sec * SECOND_NS + (uint64_t)time->tv_usec * 1000;
}

/* With STDIN as standard input, if it is not -1. */
static bool launch(struct run *run, char **command, int input) {
        run->began = now_ns();
        run->pid = fork();
        if (run->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (input >= 0 && dup2(input, STDIN_FILENO) < 0)
                        _exit(1);
                execv(command[0], command);
                _exit(1);
        }
        return run->pid > 0;
}

/* What comes next there; its size, or -1. */
static ssize_t hear(int fd, char *text, size_t size) {
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&watched, 1, TIMEOUT_MS) > 0 ? recv(fd, text, size - 1, 0) : -1;

        text[n > 0 ? n : 0] = 0;
        return n;
}

/* A socket for sd_notify(3), of a name that the kernel chooses. */
static int listen_for_ready(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t size = sizeof address;
        char name[sizeof address.sun_path + 1] = "@";
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                return -1;
        memcpy(name + 1, address.sun_path + 1, size - offsetof(struct sockaddr_un, sun_path) - 1);
        return setenv("NOTIFY_SOCKET", name, 1) == 0 ? fd : -1;
}

static bool until_ready(struct run *run, char **command, uint64_t *ret_took) {
        char text[4096];

        if (!launch(run, command, -1))
                return false;
        do
                if (hear(run->fd, text, sizeof text) <= 0)
                        return false;
        while (!strstr(text, "READY=1"));
        *ret_took = now_ns() - run->began;
        return kill(run->pid, SIGTERM) == 0;
}

static bool until_answered(struct run *run, char **command, uint64_t *ret_took) {
        char line[65536];
        bool is_granted = false;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
            !launch(run, command, pair[1]) || close(pair[1]) < 0 ||
            send(pair[0], REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0)
                return false;
        while (hear(pair[0], line, sizeof line) > 0)
                is_granted |= strstr(line, "\"granted\"") != NULL;
        *ret_took = now_ns() - run->began;
        close(pair[0]);
        return is_granted;
}

static bool end(struct run *run, uint64_t took) {
        struct rusage usage;
        int status;

        if (wait4(run->pid, &status, 0, &usage) != run->pid || status != 0)
                return false;
        printf("%" PRIu64 " %" PRIu64 " %ld\n", took,
               ns_of(&usage.ru_utime) + ns_of(&usage.ru_stime), usage.ru_maxrss);
        return true;
}

int main(int argc, char **argv) {
        bool is_ready = argc > 3 && strcmp(argv[1], "ready") == 0;
        struct run run = {.fd = -1};
        uint64_t took;

        if (argc < 4 || (!is_ready && strcmp(argv[1], "asked") != 0)) {
                fprintf(stderr, "usage: start ready|asked TIMES PROGRAM [ARGUMENT...]\n");
                return 2;
        }
        if (is_ready && (run.fd = listen_for_ready()) < 0)
                return 1;
        for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--)
                if (!(is_ready ? until_ready : until_answered)(&run, argv + 3, &took) ||
                    !end(&run, took)) {
                        fprintf(stderr, "%s did not do as it should\n", argv[3]);
                        return 1;
                }
        return 0;
}
