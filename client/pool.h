/* SPDX-License-Identifier: MIT */
/* pool - the connections that a handle keeps between calls, for any number of threads.
 *
 * Owns the idle ones; one that is in use is its user's. Without locks, so that a fork at any moment
 * leaves the child a pool that works. Never hands a connection to another process than the one that
 * opened it. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/slice.h"
#include "client/connection.h"
#include "client/incarnation.h"

#define POOL_IDLE_MAX 4

struct pool {
        struct sockaddr_un address;
        size_t answer_max;
        struct incarnation incarnation;
        _Atomic(struct connection *) idle[POOL_IDLE_MAX];
        _Atomic uint64_t patient_until; /* bearerd hung up: perhaps it is restarting */
};

/* 0, or -ENOMEM. */
int pool_init(struct pool *pool, const struct sockaddr_un *address, size_t answer_max);
void pool_deinit(struct pool *pool);

/* Sends REQUEST over a kept connection or a new one, once more over a new one if bearerd hung up
 * before it answered anything, and takes the response. 0: it points into *ret_connection, which
 * goes back with pool_put(); < 0: as connection_open() and connection_exchange(). */
int pool_ask(struct pool *pool, struct slice request, uint64_t deadline,
             struct connection **ret_connection, struct http1_response *ret_response);

/* Takes CONNECTION back. It is kept if KEEP, and if there is room. */
void pool_put(struct pool *pool, struct connection *connection, bool keep);
