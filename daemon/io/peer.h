/* SPDX-License-Identifier: MIT */
/* peer - who is at the other end of a Unix socket, as the kernel noted it at connect(2). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/policy.h"

/* The supplementary groups that peers share. */
struct peer_groups {
        unsigned n_peers;
        unsigned n;
        gid_t list[];
};

/* Of a process in more supplementary groups than this, none of them is known. */
#define PEER_GROUPS_MAX 1024u

/* 0, or -errno. The result has its groups; its unit is not looked up. */
int peer_read(int fd, struct peer *ret_peer);

/* Where PEER's groups are those of LAST (NULL: none), it shares them; else they are the last ones
 * now. */
void peer_share_groups(struct peer *peer, struct peer_groups **last);
/* One that had GROUPS has them no more; NULL: none. */
void peer_groups_leave(struct peer_groups *groups);

/* Looks up in which unit of the system's service manager the process is that has connected. Where
 * there is none, or the process has ended, or the kernel cannot tell, it stays unknown. 0; -EMFILE,
 * -ENFILE, -ENOMEM: it could not be looked up, and is there perhaps. */
int peer_find_unit(int fd, struct peer *peer);
/* False: the kernel is too old to tell. */
bool peer_has_unit(void);

/* Some of the processes that have connected, held by a pidfd each: as long as one lives, its pid is
 * no other's, and it need not be looked at again. A zeroed one knows none. */
#define PEER_PROCESSES_MAX 16u

struct peer_processes {
        struct peer_process {
                pid_t pid; /* 0: none */
                int pidfd;
                uint64_t number;
        } known[PEER_PROCESSES_MAX];
};

/* A number of the process PID, which has connected, which no other one has had since boot; 0: it
 * has ended, or the kernel is older than Linux 6.9. */
uint64_t peer_processes_find(struct peer_processes *processes, int fd, pid_t pid);
void peer_processes_deinit(struct peer_processes *processes);

/* What the process that has connected calls itself, as far as it can be printed: anybody can call
 * itself anything. "": it has ended, or is of no number here. */
#define PEER_COMM_SIZE 16 /* of the kernel, TASK_COMM_LEN */
void peer_read_comm(int fd, const struct peer *peer, char ret_comm[static PEER_COMM_SIZE]);

/* 1: nobody reads any more at the other end of FD; 0: somebody does; or -errno. Who has only shut
 * down the sending side still wants what was asked for. */
int peer_has_gone(int fd);
/* Whether something that came at FD is unread, or that cannot be known. To look at it (MSG_PEEK)
 * would cost the kernel as much as to read it. */
bool peer_has_sent(int fd);
/* The same, and nothing more is said on FD. */
bool peer_shut(int fd);

void peer_deinit(struct peer *peer);
