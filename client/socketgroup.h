/* SPDX-License-Identifier: MIT */
/* socketgroup - the group whose members may open a socket, and what to do where there is none to
 * add a user to: never root's, whose members may open far more than that. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define GROUP_NAME_SIZE 256

/* Its name, or its number, if it has none. */
void group_name(gid_t gid, char *ret_name, size_t size);

/* What to set, that the socket at PATH lets a group in, and one that is not root's; static. NULL:
 * it does. */
const char *socketgroup_mend(const char *path, const struct stat *status);
