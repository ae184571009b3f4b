/* SPDX-License-Identifier: MIT */
/* child - a command that bearerctl runs, one at a time, and that signals to bearerctl are meant
 * for.
 *
 * Owns the process, and meanwhile what signals bearerctl: SIGTERM, SIGINT, SIGHUP and SIGQUIT are
 * passed on, but for those that are ignored. SIGCHLD is taken as well, and is the one news of its
 * end: a pidfd is not to be had everywhere. If bearerctl is killed, the command gets SIGTERM. */
#pragma once

#include <signal.h>
#include <sys/types.h>

struct child {
        pid_t pid;
        int signals;   /* can be read when there is one to pass on, or the command may have ended */
        int passed_on; /* the last one; 0: none */
        sigset_t mask; /* from before, and of the command */
};

#define CHILD_INIT ((struct child){.signals = -1})

/* Takes the signals. 0; -errno. */
int child_init(struct child *child);
void child_deinit(struct child *child);

/* As fork(2): 0 in the child, which becomes the command; its pid; -errno. */
pid_t child_fork(struct child *child);
void child_pass_signals(struct child *child);
/* 1: it has ended, with *RET_STATUS, as waitpid(2) says it; 0: it has not; -errno. */
int child_reap(struct child *child, int *ret_status);
/* Waits for the end, and passes signals on meanwhile. 0; -errno. */
int child_wait(struct child *child, int *ret_status);

/* Gives the signals back. One that was passed on ends bearerctl, then, as it would have done;
 * but not the first process of a namespace, which no signal of its own ends. */
void child_release(struct child *child);
