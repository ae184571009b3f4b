/* SPDX-License-Identifier: MIT */
/* admission - who has come in, and whether there is a place for one more connection of its user. */
#pragma once

#include "io/server.h"

/* Before anybody is let in: there is memory for who comes, who can be hung up on at least. 0, or
 * -ENOMEM. */
int admission_prepare(struct server *server);

/* Takes FD, on which rights may come if HAS_RIGHTS, and what has already come in on it. If its user
 * has too many connections, one of them ends whose peer has hung up, or that has been idle for
 * longest, or else the new one, with an answer that says so. Who it is; (uid_t)-1: that cannot be
 * known. */
uid_t admission_open(struct server *server, int fd, bool has_rights, uint64_t now);
