/* SPDX-License-Identifier: MIT */
/* stream - a connection whose answer does not end: whatever there is to be told follows.
 *
 * Owns what it takes to follow a token, which no other connection has room for. What else comes in
 * on it is not read. */
#pragma once

#include "core/followers.h"
#include "io/connection.h"

struct stream {
        struct connection *connection;
        struct follower follower;
};

/* The request at hand on CONNECTION is answered by a stream, and is its last one. 0, or -ENOMEM. */
int stream_open(struct connection *connection);
/* Nobody is followed any more. CONNECTION ends then, or has an answer after all. */
void stream_close(struct connection *connection);

struct stream *stream_of(struct follower *follower);
