/* SPDX-License-Identifier: MIT */
/* connection - one connection to bearerd: a request goes out, its response comes in.
 *
 * Owns its descriptor, and the buffer that its last response lies in (wiped: tokens are in it).
 * Used by one thread at a time. Never blocks past a deadline, and never raises SIGPIPE. Deadlines
 * are clock_now() times. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "wire/http1.h"

struct connection {
        int fd;
        uint64_t incarnation; /* the process that may use it */
        struct buffer in;
};

/* Connects. While the backlog is full, it waits for room until DEADLINE; while there is no socket,
 * or one that refuses, it tries again until PATIENT_UNTIL. ANSWER_MAX: the most bytes of a
 * response, head and all. 0; -ETIMEDOUT; -errno of socket(2) and connect(2); -ENOMEM. */
int connection_open(const struct sockaddr_un *address, size_t answer_max, uint64_t patient_until,
                    uint64_t deadline, struct connection **ret_connection);
/* Hangs up. */
struct connection *connection_free(struct connection *connection);
DEFINE_CLEANUP_FREE(connection)
/* Lets go of it without a word to bearerd: it is another process's. */
struct connection *connection_disown(struct connection *connection);

/* Nothing to read between two requests. An end, or bytes that nobody asked for, are something. */
bool connection_is_quiet(const struct connection *connection);

/* Sends REQUEST and takes its response, which points into the connection until it is used again.
 * 0; -ETIMEDOUT; -ECONNRESET: bearerd hung up before it answered anything; -EBADMSG: an answer that
 * is none, ends early, is too long, or has something behind it; -errno of send(2) and recv(2). In
 * all cases but 0, the connection is of no more use. */
int connection_exchange(struct connection *connection, struct slice request, uint64_t deadline,
                        struct http1_response *ret_response);

/* Forgets the response, wiped, and keeps the connection for the next one. */
void connection_clear(struct connection *connection);
