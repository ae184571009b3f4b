/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"

#define PATIENCE (5 * NSEC_PER_SEC)

int ask_control_address(const char *socket, struct sockaddr_un *ret_address) {
        const char *named = secure_getenv(CONTROL_ENVIRONMENT);

        if (!socket)
                socket = named && *named ? named : CONTROL_SOCKET;
        return address_read(socket, ret_address);
}

int ask_result(const struct sockaddr_un *address, int r) {
        struct stat status;

        if (r != -ECONNREFUSED && r != -EACCES)
                return r;
        return stat(address->sun_path, &status) == 0 && !S_ISSOCK(status.st_mode) ? -ENOTSOCK : r;
}

int ask(const struct sockaddr_un *address, const char *method, const char *target,
        const char *accept, struct connection **ret_connection,
        struct http1_response *ret_response) {
        _cleanup_(buffer_deinit) struct buffer request = BUFFER_INIT(HTTP1_HEAD_MAX);
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        uint64_t deadline = clock_now() + PATIENCE;
        int r;

        http1_request_render(&request, method, target, accept);
        r = buffer_error(&request);
        if (r == 0)
                r = connection_open(address, HTTP1_HEAD_MAX + HTTP1_ANSWER_MAX, 0, deadline,
                                    &connection);
        if (r == 0)
                r = connection_exchange(connection, buffer_slice(&request), deadline, ret_response);
        if (r < 0)
                return r == -EBADMSG ? BEARER_E_PROTOCOL : ask_result(address, r);
        *ret_connection = connection;
        connection = NULL; /* consumed */
        return 0;
}
