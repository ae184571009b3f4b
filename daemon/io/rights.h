/* SPDX-License-Identifier: MIT */
/* rights - descriptors that somebody passes along with bytes (SCM_RIGHTS, unix(7)), unasked.
 *
 * The kernel drops them where the bytes are read, or closed unread: then and there, in whose thread
 * that is. That takes as long as who has passed them likes: a TCP socket may linger (SO_LINGER,
 * socket(7)), a file of FUSE do what it wants. From Linux 6.16 on they can be refused; before, and
 * on connections that were made before that was asked for, they are left unread, and io/closer is
 * to close them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Linux 6.16 (asm-generic/socket.h); older headers lack it. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* None can be passed to FD from now on; if it listens, to who connects from now on. False: the
 * kernel cannot refuse them. */
bool rights_refuse(int fd);

/* For a connection FD on which they may come, before anything else. */
void rights_expect(int fd);
/* As read(2), from such an FD, without waiting: SIZE bytes at most, to DATA. None are read, and
 * errno is EBADMSG, where there are rights among those that would be. */
ssize_t rights_read(int fd, void *data, size_t size);
