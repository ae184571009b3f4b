/* SPDX-License-Identifier: MIT */
/* exchange - what a connection has while something is said on it: the request at hand, and the
 * bytes that are not complete or not taken yet.
 *
 * A connection at rest has none: of those there are thousands. The server has a spare one, so that
 * a request that is answered at once needs no memory; one that has to wait takes it along, and the
 * server makes another. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "core/broker.h"
#include "wire/api.h"

struct connection;
struct stream;

struct exchange {
        struct connection *connection;
        uint64_t deadline; /* while hurried */
        struct buffer in;  /* the beginning of a request, or requests behind one that waits */
        struct buffer out; /* what the peer has not taken yet */
        uint64_t in_taken; /* of the user's quota, for the buffers */
        uint64_t out_taken;
        struct stream *stream; /* io/stream; NULL: it is none */

        /* The owner's, for the request at hand. */
        struct request request;
        enum api_format format;
};

/* Of at most IN_MAX bytes and OUT_MAX. NULL: no memory. */
struct exchange *exchange_new(size_t in_max, size_t out_max);
struct exchange *exchange_free(struct exchange *exchange);

/* Bytes are gone, memory and quota given back: as a new one. */
void exchange_clear(struct exchange *exchange, struct quota_user *user);

/* Memory that is not needed is given back, and what is needed paid for by USER. False: it is more
 * than this may have, which is its own doing. */
bool exchange_pay(struct exchange *exchange, struct quota_user *user);
