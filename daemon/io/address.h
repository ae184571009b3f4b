/* SPDX-License-Identifier: MIT */
/* address - the address of a Unix socket by its path, unix(7). */
#pragma once

#include <sys/un.h>

/* 0, or -ENAMETOOLONG: PATH and its NUL do not fit. */
int address_of_path(const char *path, struct sockaddr_un *ret_address);
