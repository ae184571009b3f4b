/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <systemd/sd-login.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "io/peer.h"

/* Linux 6.5 (asm-generic/socket.h); older headers lack it. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Most accounts are in few groups: one call does for them. */
#define GROUPS_USUAL 32

/* SO_PEERGROUPS (Linux 4.13), socket(7): -ERANGE says how much room is needed. */
static int read_groups(int fd, gid_t **ret_groups, size_t *ret_n) {
        gid_t usual[GROUPS_USUAL];
        _cleanup_free_ gid_t *groups = NULL;
        socklen_t size = sizeof usual;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, usual, &size) == 0) {
                *ret_n = size / sizeof usual[0];
                if (*ret_n == 0)
                        return 0;
                groups = malloc(size);
                if (!groups)
                        return -ENOMEM;
                memcpy(groups, usual, size);
        } else {
                if (errno != ERANGE)
                        return -errno;
                groups = malloc(size);
                if (!groups)
                        return -ENOMEM;
                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
                        return -errno;
                *ret_n = size / sizeof groups[0];
        }
        *ret_groups = groups;
        groups = NULL; /* consumed */
        return 0;
}

int peer_read(int fd, struct peer *ret_peer) {
        struct peer peer = {0};
        struct ucred credentials;
        socklen_t size = sizeof credentials;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        peer.uid = credentials.uid;
        peer.gid = credentials.gid;
        peer.pid = credentials.pid;
        r = read_groups(fd, &peer.groups, &peer.n_groups);
        if (r < 0)
                return r;
        *ret_peer = peer;
        return 0;
}

/* ---- units ---- */

/* A descriptor of the process that connected, which no other one can take the place of; or
 * -errno. */
static int read_pidfd(int fd) {
        int pidfd = -1;
        socklen_t size = sizeof pidfd;

        return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0 ? -errno : pidfd;
}

/* The number of the process of PIDFD, as "Pid:" has it; -1 there: it has ended; 0: none of ours
 * (pidfd_open(2)); or -errno. */
static int read_pid(int pidfd, pid_t *ret_pid) {
        char path[64], line[128];
        intmax_t pid = 0;
        FILE *file;

        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
        file = fopen(path, "re");
        if (!file)
                return -errno;
        while (fgets(line, sizeof line, file))
                if (sscanf(line, "Pid: %jd", &pid) == 1)
                        break;
        fclose(file);
        *ret_pid = (pid_t)pid;
        return 0;
}

/* A pidfd becomes readable when its process ends. */
static bool has_ended(int pidfd) {
        struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

        return poll(&poll_fd, 1, 0) != 0;
}

/* As long as the process lives, its number is no other's: so that is looked at last. */
static int find_unit(int fd, char **ret_unit) {
        _cleanup_close_ int pidfd = read_pidfd(fd);
        _cleanup_free_ char *unit = NULL;
        pid_t pid = 0;
        int r;

        if (pidfd < 0)
                return pidfd;
        r = read_pid(pidfd, &pid);
        if (r == 0 && pid > 0)
                r = sd_pid_get_unit(pid, &unit);
        if (r < 0 || pid <= 0 || has_ended(pidfd))
                return r < 0 ? r : -ESRCH;
        *ret_unit = unit;
        unit = NULL; /* consumed */
        return 0;
}

int peer_find_unit(int fd, struct peer *peer) {
        char *unit;
        int r = find_unit(fd, &unit);

        if (r < 0)
                return file_is_short(r) ? r : 0;
        free(peer->unit);
        peer->unit = unit;
        return 0;
}

bool peer_has_unit(void) {
        _cleanup_close_ int one = -1, other = -1, pidfd = -1;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return true;
        one = pair[0];
        other = pair[1];
        pidfd = read_pidfd(one);
        return pidfd != -ENOPROTOOPT;
}

bool peer_has_gone(int fd) {
        struct pollfd poll_fd = {.fd = fd};

        return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLHUP | POLLERR);
}

void peer_deinit(struct peer *peer) {
        free(peer->groups);
        free(peer->unit);
        *peer = (struct peer){0};
}
