/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "io/stream.h"

int stream_open(struct connection *connection) {
        struct stream *stream = calloc(1, sizeof *stream);

        assert(!connection->exchange->stream);
        if (!stream)
                return -ENOMEM;
        stream->connection = connection;
        stream->follower.user = &connection->user->quota;
        connection->exchange->stream = stream;
        return 0;
}

void stream_close(struct connection *connection) {
        assert(!connection->exchange->stream->follower.token);
        free(connection->exchange->stream);
        connection->exchange->stream = NULL;
}

struct stream *stream_of(struct follower *follower) {
        return CONTAINER_OF(follower, struct stream, follower);
}
