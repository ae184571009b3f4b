/* SPDX-License-Identifier: MIT */
/* herd - many workers that ask at the same moment, each on a connection of its own.
 *
 *      herd SOCKET WORKERS REQUEST-FILE
 *
 * Prints "asked" when all have, and then, when all are answered,
 *
 *      answered N errors N first NS last NS
 *
 * the times by CLOCK_MONOTONIC. Keeps the connections until its standard input ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "dial.h"
#include "stopwatch.h"
#include "way.h"

#define EVENTS_MAX 256
#define WAIT_MS    60000

static char request[8192];
static size_t request_size;

static bool join(int epoll, const struct sockaddr_un *address) {
        int fd = dial(address, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        return fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 &&
               send(fd, request, request_size, MSG_NOSIGNAL) == (ssize_t)request_size;
}

/* An answer is smaller than a socket's buffer, and comes in one go. */
static bool is_token(int fd) {
        static char answer[ANSWER_MAX];
        ssize_t size = recv(fd, answer, sizeof answer, 0);

        return size > 13 && memcmp(answer, "HTTP/1.1 200 ", 13) == 0 && answer[size - 1] == '}';
}

static void listen_to(int epoll, unsigned long workers) {
        struct epoll_event events[EVENTS_MAX];
        unsigned long answered = 0, errors = 0;
        uint64_t first = 0, last = 0;

        while (answered + errors < workers) {
                int n = epoll_wait(epoll, events, EVENTS_MAX, WAIT_MS);

                if (n <= 0) {
                        errors = workers - answered;
                        break;
                }
                for (int i = 0; i < n; i++) {
                        bool is_good = is_token(events[i].data.fd);

                        last = now_ns();
                        first = first ?: last;
                        answered += is_good;
                        errors += !is_good;
                        /* Kept, but not looked at any more. */
                        epoll_ctl(epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
                }
        }
        printf("answered %lu errors %lu first %" PRIu64 " last %" PRIu64 "\n", answered, errors,
               first, last);
        fflush(stdout);
}

int main(int argc, char **argv) {
        struct sockaddr_un address;
        unsigned long workers;
        ssize_t size;
        int epoll;

        if (argc != 4 || !dial_address(argv[1], &address)) {
                fprintf(stderr, "usage: herd SOCKET WORKERS REQUEST-FILE\n");
                return 2;
        }
        workers = strtoul(argv[2], NULL, 10);
        size = slurp(argv[3], request, sizeof request);
        epoll = epoll_create1(EPOLL_CLOEXEC);
        if (size <= 0 || epoll < 0)
                return 1;
        request_size = (size_t)size;

        for (unsigned long i = 0; i < workers; i++)
                if (!join(epoll, &address)) {
                        perror("herd");
                        return 1;
                }
        printf("asked\n");
        fflush(stdout);
        listen_to(epoll, workers);
        return getchar() == EOF ? 0 : 1;
}
