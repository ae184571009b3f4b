/* SPDX-License-Identifier: MIT */
/* signals - signals that are read from a descriptor, rather than interrupt. */
#pragma once

#include <signal.h>
#include <stdbool.h>

/* Blocks those of the list, which a 0 ends, but for those that are ignored, and gives a descriptor
 * that can be read when one has come, close-on-exec. RET_BEFORE (may be NULL): the mask from
 * before, which a child wants back. -errno. */
int signals_open(const int *numbers, sigset_t *ret_before);

/* One that has come; 0: none. RET_BY_TERMINAL (may be NULL): the terminal has sent it, to all
 * processes that are in its foreground; SIGHUP, to the leader of its session. */
int signals_take(int fd, bool *ret_by_terminal);
