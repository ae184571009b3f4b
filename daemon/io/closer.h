/* SPDX-License-Identifier: MIT */
/* closer - closes sockets elsewhere, where that may take long: in a thread that lives for it.
 *
 * Who sends a descriptor along with bytes decides how long it takes to drop it unread. The thread
 * has descriptors of its own, and drops them by ending: for what ends, the kernel lets no socket
 * linger. One that hangs all the same, as in a file of FUSE, hangs alone. */
#pragma once

#include <semaphore.h>
#include <stdbool.h>

struct closer {
        int in, out;    /* a socket pair: what is to be closed goes through it (SCM_RIGHTS) */
        int released;   /* an eventfd(2): how many of them the process itself has let go of */
        bool is_called; /* a thread was started, and: */
        sem_t has_come; /* it has descriptors of its own; from here on it looks for what there is */
};

/* 0, or -errno. */
int closer_open(struct closer *closer);
/* What has not been closed by now is when the process ends. */
void closer_deinit(struct closer *closer);

/* Closes FD, a descriptor of the caller's, without waiting for what that entails. 0, or -errno: it
 * is open, and the caller's. */
int closer_take(struct closer *closer, int fd);
