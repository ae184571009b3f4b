/* SPDX-License-Identifier: MIT */
/* dial - connects to a Unix socket. */
#pragma once

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Whether PATH is short enough for an address. */
static inline bool dial_address(const char *path, struct sockaddr_un *ret_address) {
        *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof ret_address->sun_path)
                return false;
        strcpy(ret_address->sun_path, path);
        return true;
}

/* A descriptor, or -1 with errno. FLAGS are of socket(2). */
static inline int dial(const struct sockaddr_un *address, int flags) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

        if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
                close(fd);
                fd = -1;
        }
        return fd;
}
