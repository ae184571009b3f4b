/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/clock.h"
#include "client/pool.h"

/* After a hang-up, a socket that is missing or refuses is one that bearerd is about to make. */
#define PATIENCE (2 * NSEC_PER_SEC)

int pool_init(struct pool *pool, const struct sockaddr_un *address, size_t answer_max) {
        pool->address = *address;
        pool->answer_max = answer_max;
        for (size_t i = 0; i < POOL_IDLE_MAX; i++)
                atomic_init(&pool->idle[i], NULL);
        atomic_init(&pool->patient_until, 0);
        return incarnation_init(&pool->incarnation);
}

static struct connection *take_from(struct pool *pool, size_t i) {
        return atomic_exchange(&pool->idle[i], NULL);
}

static bool is_ours(struct pool *pool, const struct connection *connection) {
        return connection->incarnation == incarnation_current(&pool->incarnation);
}

static void hang_up(struct pool *pool, struct connection *connection) {
        if (is_ours(pool, connection))
                connection_free(connection);
        else
                connection_disown(connection);
}

void pool_deinit(struct pool *pool) {
        for (size_t i = 0; i < POOL_IDLE_MAX; i++) {
                struct connection *connection = take_from(pool, i);

                if (connection)
                        hang_up(pool, connection);
        }
        incarnation_deinit(&pool->incarnation);
}

static void was_hung_up_on(struct pool *pool) {
        atomic_store(&pool->patient_until, time_add(clock_now(), PATIENCE));
}

/* A kept connection that is ours and quiet, or NULL. */
static struct connection *take(struct pool *pool) {
        for (size_t i = 0; i < POOL_IDLE_MAX; i++) {
                struct connection *connection = take_from(pool, i);

                if (!connection)
                        continue;
                if (is_ours(pool, connection)) {
                        if (connection_is_quiet(connection))
                                return connection;
                        was_hung_up_on(pool);
                }
                hang_up(pool, connection);
        }
        return NULL;
}

static int connect_anew(struct pool *pool, uint64_t deadline, struct connection **ret_connection) {
        int r = connection_open(&pool->address, pool->answer_max, atomic_load(&pool->patient_until),
                                deadline, ret_connection);

        if (r == 0)
                (*ret_connection)->incarnation = incarnation_current(&pool->incarnation);
        return r;
}

int pool_ask(struct pool *pool, struct slice request, uint64_t deadline,
             struct connection **ret_connection, struct http1_response *ret_response) {
        for (bool again = false;; again = true) {
                _cleanup_(cleanup_connection) struct connection *connection = NULL;
                int r = 0;

                if (!again)
                        connection = take(pool);
                if (!connection)
                        r = connect_anew(pool, deadline, &connection);
                if (r == 0)
                        r = connection_exchange(connection, request, deadline, ret_response);
                if (r == 0) {
                        *ret_connection = connection;
                        connection = NULL; /* consumed */
                        return 0;
                }
                if (r == -ECONNRESET)
                        was_hung_up_on(pool);
                if (r != -ECONNRESET || again)
                        return r;
        }
}

/* bearerd that ends the connection with its answer may be on its way out. */
void pool_put(struct pool *pool, struct connection *connection, bool keep) {
        if (!keep)
                was_hung_up_on(pool);
        connection_clear(connection);
        for (size_t i = 0; keep && i < POOL_IDLE_MAX; i++) {
                struct connection *none = NULL;

                if (atomic_compare_exchange_strong(&pool->idle[i], &none, connection))
                        return;
        }
        hang_up(pool, connection);
}
