/* SPDX-License-Identifier: MIT */
/* ask - one request of bearerctl on one of bearerd's sockets, and its answer. */
#pragma once

#include <sys/un.h>

#include "client/connection.h"
#include "wire/http1.h"

/* Where operators ask: SOCKET, a path or "unix:///path", or, where that is NULL, $BEARERD_CONTROL,
 * else the default. 0, or as address_resolve(). */
int ask_control_address(const char *socket, struct sockaddr_un *ret_address);

/* What R of connect(2) at ADDRESS means: -ENOTSOCK, where something else is there, of which it says
 * ECONNREFUSED, or EACCES; else R. */
int ask_result(const struct sockaddr_un *address, int r);

/* The response is in *RET_CONNECTION, which the caller frees. 0; BEARER_E_PROTOCOL; -errno,
 * as ask_result(). */
int ask(const struct sockaddr_un *address, const char *method, const char *target,
        const char *accept, struct connection **ret_connection,
        struct http1_response *ret_response);
