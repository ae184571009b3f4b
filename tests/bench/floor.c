/* SPDX-License-Identifier: MIT */
/* floor - the least that a server on a Unix socket can do: what is read is answered with fixed
 * bytes.
 *
 *      floor SOCKET ANSWER-FILE
 *
 * A bare epoll loop: it reads no request, knows no limit, no deadline and no peer. So its round
 * trip is what the kernel takes, and what a server takes beyond that is its own. Goes on until it
 * is killed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "dial.h"

#define EVENTS_MAX  64
#define ANSWER_MAX  65536
#define REQUEST_MAX 8192

static char answer[ANSWER_MAX];
static size_t answer_size;

static int fail(const char *what) {
        perror(what);
        return 1;
}

static bool read_answer(const char *path) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = fd < 0 ? -1 : read(fd, answer, sizeof answer);

        if (size <= 0)
                return false;
        close(fd);
        answer_size = (size_t)size;
        return true;
}

static int listen_at(const char *path) {
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || !dial_address(path, &address) ||
            bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
            listen(fd, SOMAXCONN) < 0)
                return -1;
        return fd;
}

static void watch(int epoll, int fd) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                close(fd);
}

static void serve(int fd) {
        char request[REQUEST_MAX];

        if (read(fd, request, sizeof request) <= 0 ||
            send(fd, answer, answer_size, MSG_NOSIGNAL) != (ssize_t)answer_size)
                close(fd);
}

int main(int argc, char **argv) {
        struct epoll_event events[EVENTS_MAX];
        int listener, epoll;

        if (argc != 3) {
                fprintf(stderr, "usage: floor SOCKET ANSWER-FILE\n");
                return 2;
        }
        if (!read_answer(argv[2]))
                return fail(argv[2]);
        epoll = epoll_create1(EPOLL_CLOEXEC);
        listener = listen_at(argv[1]);
        if (epoll < 0 || listener < 0)
                return fail(argv[1]);
        watch(epoll, listener);
        for (;;) {
                int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

                for (int i = 0; i < n; i++) {
                        int fd = events[i].data.fd;

                        if (fd == listener)
                                watch(epoll, accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
                        else
                                serve(fd);
                }
        }
}
