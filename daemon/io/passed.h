/* SPDX-License-Identifier: MIT */
/* passed - the descriptors that systemd passed at start, each by its name (sd_listen_fds(3)).
 *
 * Owns those that nobody has taken. */
#pragma once

#include <stddef.h>

struct passed {
        char **names; /* NULL: none; a NULL name: taken */
        size_t n;
        size_t n_left;
};

/* Once only: what this process starts is not to think that they are its own. 0, or -errno. */
int passed_init(struct passed *passed);
void passed_deinit(struct passed *passed);

/* The first one called NAME (FileDescriptorName=, FDNAME=), close-on-exec; -ENOENT: none is. */
int passed_take(struct passed *passed, const char *name);
/* The same, and it is a listening Unix stream socket, made non-blocking; -EINVAL: it is something
 * else, or -errno: it could not be looked at; then it is closed. */
int passed_take_socket(struct passed *passed, const char *name);
