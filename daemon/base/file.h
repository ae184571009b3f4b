/* SPDX-License-Identifier: MIT */
/* file - a whole file at once: a configuration, a credential.
 *
 * What is at the path is not trusted to be what it should be: only a regular file is read, and
 * opening anything else does not block. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/buffer.h"

/* Reads the regular file at PATH, of at most MAX bytes, into a buffer that is then the caller's.
 * RET_STATUS (may be NULL) is of the file that was read, not of what is at PATH by now.
 * 0; -EISDIR; -EINVAL: something else that is no regular file; -EFBIG: more than MAX bytes; what
 * open(2) and read(2) say. */
int file_read(const char *path, size_t max, struct buffer *ret_content, struct stat *ret_status);

/* Whether ERROR of file_read() is not about the file: this process or host is short of memory or of
 * descriptors. */
bool file_is_short(int error);
/* What an error of file_read() means, for people; static or as strerror(3). */
const char *file_error(int error);
