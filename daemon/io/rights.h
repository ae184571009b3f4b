/* SPDX-License-Identifier: MIT */
/* rights - descriptors that somebody passes along with bytes (SCM_RIGHTS, unix(7)), unasked.
 *
 * The kernel drops them where the bytes are read, or closed unread: then and there, in whose thread
 * that is. That takes as long as who has passed them likes: a TCP socket may linger (SO_LINGER,
 * socket(7)), a file of FUSE do what it wants. From Linux 6.16 on they can be refused; before, and
 * on connections that were made before that was asked for, they are left unread, and closed by
 * another thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "io/closer.h"

/* Who connects to FD from now on can pass none. False: the kernel cannot refuse them. */
bool rights_refuse(int fd);

/* For a connection FD on which they may come, before anything else. */
void rights_expect(int fd);
/* As read(2), from such an FD: SIZE bytes at most, to DATA. None are read, and errno is EBADMSG,
 * where there are rights among those that would be. */
ssize_t rights_read(int fd, void *data, size_t size);
/* Closes such an FD; CLOSER does, if something on it is unread. */
void rights_close(int fd, struct closer *closer);
