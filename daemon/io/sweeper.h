/* SPDX-License-Identifier: MIT */
/* sweeper - has another thread close what takes long to be closed, but not as long as somebody
 * likes: for that there is io/closer.
 *
 * What was sent and is unread the kernel frees where it is closed, piece by piece: 0.2 ms for as
 * many single bytes as a socket takes (net.core.wmem_default), and 8 ms for those of one whose
 * owner has it take 4 MiB (SO_SNDBUF, net.core.wmem_max). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Descriptors in one go. */
#define SWEEPER_MAX 256

/* Closes the N FDS, one after the other. Not while it is busy. 0; or -errno: they are as before. */
int sweeper_start(const int *fds, size_t n);
/* Whether there are some left to close. */
bool sweeper_is_busy(void);
