/* SPDX-License-Identifier: MIT */
/* listener - a listening Unix socket that bearerd makes itself, where systemd does not pass one. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Listens at PATH, where nobody can connect before the socket has its MODE and GROUP ((gid_t)-1: as
 * it comes), nor is told meanwhile that this is not permitted. What a dead process has left is
 * replaced. The descriptor; -EADDRINUSE: somebody listens there; -EEXIST: there is something that
 * is no socket; -ENAMETOOLONG, or another -errno. */
int listener_open(const char *path, mode_t mode, gid_t group);

/* Whoever tries FD is refused from now on, and its socket at PATH is taken away, if it is still the
 * same one. FD stays open until the process ends: then no socket lingers that somebody has passed
 * who waits there (io/closer). */
void listener_shut(int fd, const char *path);
