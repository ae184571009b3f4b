/* SPDX-License-Identifier: MIT */
/* burden - what somebody can pass along with bytes to keep the one busy who drops it: TCP sockets
 * that linger, for their data stays unread. */
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* In one message; the kernel allows no more. */
#define BURDENS_MAX    253
#define BURDEN_LINGERS 3600 /* s */

static inline int burden_listen(struct sockaddr_in *ret_address) {
        socklen_t size = sizeof *ret_address;
        int least = 1;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        *ret_address = (struct sockaddr_in){.sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) == 0 &&
            bind(fd, (struct sockaddr *)ret_address, size) == 0 && listen(fd, 1) == 0 &&
            getsockname(fd, (struct sockaddr *)ret_address, &size) == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

/* One; and *RET_READER, to whom it has sent more than is taken off. -1: it cannot be had. */
static inline int burden_open(int *ret_reader) {
        static const char much[65536];
        int least = 1;
        struct linger linger = {.l_onoff = 1, .l_linger = BURDEN_LINGERS};
        struct sockaddr_in address;
        int listener = burden_listen(&address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        *ret_reader = -1;
        if (listener >= 0 && fd >= 0 &&
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least) == 0 &&
            connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0)
                *ret_reader = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (listener >= 0)
                close(listener);
        if (*ret_reader >= 0) {
                while (send(fd, much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
                        ;
                return fd;
        }
        if (fd >= 0)
                close(fd);
        return -1;
}

/* As send(2) of TEXT on FD, with N descriptors PASSED, which stay open here. */
static inline ssize_t burden_send(int fd, const char *text, const int *passed, size_t n,
                                  int flags) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(BURDENS_MAX * sizeof(int))];
        } control = {.header = {.cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS,
                                .cmsg_len = CMSG_LEN(n * sizeof(int))}};
        struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = CMSG_SPACE(n * sizeof(int))};

        memcpy(CMSG_DATA(&control.header), passed, n * sizeof(int));
        return sendmsg(fd, &message, flags | MSG_NOSIGNAL);
}

/* Reads all that comes on FD, until its other end is closed. False: that takes PATIENCE ms. */
static inline bool burden_read_to_end(int fd, int patience) {
        static char taken[65536];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t size = 1;

        while (size > 0 && poll(&ready, 1, patience) == 1)
                size = recv(fd, taken, sizeof taken, MSG_DONTWAIT);
        return size == 0 || (size < 0 && errno == ECONNRESET);
}
