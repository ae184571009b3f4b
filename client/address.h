/* SPDX-License-Identifier: MIT */
/* address - where bearerd listens. */
#pragma once

#include <sys/un.h>

#define ADDRESS_ENVIRONMENT "BEARERD_SOCKET"

/* SOCKET is a path or "unix:///path"; NULL: $BEARERD_SOCKET, else the default. 0; -EINVAL: neither
 * form; -ENAMETOOLONG. */
int address_resolve(const char *socket, struct sockaddr_un *ret_address);
