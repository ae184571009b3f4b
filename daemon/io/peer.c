/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "io/peer.h"

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

void peer_deinit(struct peer *peer) {
        free(peer->groups);
        *peer = (struct peer){0};
}
