/* SPDX-License-Identifier: MIT */
/* peer - who is at the other end of a Unix socket, as the kernel noted it at connect(2). */
#pragma once

#include <stdbool.h>

#include "core/policy.h"

/* 0, or -errno. The result owns its groups; its unit is not looked up. */
int peer_read(int fd, struct peer *ret_peer);

/* Looks up in which unit of the system's service manager the process is that has connected. Where
 * there is none, or the process has ended, or the kernel cannot tell, it stays unknown. 0; -EMFILE,
 * -ENFILE, -ENOMEM: it could not be looked up, and is there perhaps. */
int peer_find_unit(int fd, struct peer *peer);
/* False: the kernel is too old to tell. */
bool peer_has_unit(void);

/* Whether nobody reads any more at the other end of FD. Who has only shut down the sending side
 * still wants what was asked for. */
bool peer_has_gone(int fd);

void peer_deinit(struct peer *peer);
