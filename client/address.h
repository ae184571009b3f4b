/* SPDX-License-Identifier: MIT */
/* address - where bearerd listens. */
#pragma once

#include <sys/un.h>

#define ADDRESS_ENVIRONMENT "BEARERD_SOCKET"
#define CONTROL_ENVIRONMENT "BEARERD_CONTROL"

/* SOCKET is a path or "unix:///path". 0; -EINVAL: neither form; -ENAMETOOLONG. */
int address_read(const char *socket, struct sockaddr_un *ret_address);

/* The same; SOCKET may be NULL: $BEARERD_SOCKET, else the default. */
int address_resolve(const char *socket, struct sockaddr_un *ret_address);
