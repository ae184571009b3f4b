/* SPDX-License-Identifier: MIT */
/* connection - one connection of a worker: bytes in, requests up, answers out.
 *
 * Plain events and small buffers: of a connection at rest there is not more than what is here, and
 * a test counts the bytes. Reads no more while an answer is owed or unsent, so that nobody can make
 * it allocate, nor while it is the turn of other users. It is embedded in nothing, and ends itself
 * when all is said. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "core/broker.h"
#include "io/crowd.h"
#include "io/exchange.h"
#include "io/loop.h"
#include "wire/api.h"
#include "wire/http1.h"

/* A request must be complete, and an answer taken, within this time. */
#define CONNECTION_PATIENCE (2 * NSEC_PER_SEC)

/* Bytes that are read at once. Of who sends them one by one, and goes on meanwhile, so many take
 * the kernel 0.4 ms. */
#define CONNECTION_READ ((size_t)1024)

struct server;

/* All that a connection at rest costs, but for libevent's share. */
struct connection {
        struct watch watch;
        struct crowd_user *user;
        struct list link;          /* in server.resting, .hurried, .parked or .departures */
        struct list by_user;       /* in user.idle or .deferred, or in none */
        struct exchange *exchange; /* NULL: it is at rest */
        struct peer peer;
        int fd;
        bool waits : 1;                       /* a request is with the owner */
        bool is_deferred : 1;                 /* until its user has a turn again */
        bool ended : 1;                       /* the peer sends no more */
        bool unit_is_sought : 1;              /* of the peer, and found or not */
        bool has_rights : 1;                  /* or may have: io/rights */
        bool is_heard : 1;                    /* that more has come while it stays */
        enum http1_keep_alive keep_alive : 4; /* after the request at hand */

        /* The owner's: which generation of which token is known to be on record for this peer. */
        const void *on_record;
        uint64_t generation_on_record;
};

/* NULL: it is none. */
static inline struct stream *connection_stream(const struct connection *connection) {
        return connection->exchange ? connection->exchange->stream : NULL;
}

/* Takes what has already come in on a new one: most clients have sent their request by now. May
 * close CONNECTION. */
void connection_start(struct connection *connection, uint64_t now);
/* NULL. */
struct connection *connection_close(struct connection *connection);

/* CONNECTION has nothing left but its descriptor and its place, or, if it has no user, not even
 * that: closes it, or has that done soon. */
void connection_depart(struct server *server, struct connection *connection);
/* Closes it, if its descriptor is not -1. */
void connection_forget(struct connection *connection);

struct server *connection_server(const struct connection *connection);

/* Sends ANSWER, to the request that CONNECTION waits with; the server's own is wiped. May close
 * CONNECTION. */
void connection_answer(struct connection *connection, const struct buffer *answer, uint64_t now);

/* Sends MORE on CONNECTION, which is a stream; the server's own is wiped. May close CONNECTION. */
void connection_send_more(struct connection *connection, const struct buffer *more, uint64_t now);

/* Takes what has come in on one that does not wait, answers it if that can be at once, and closes.
 * What one read does not have takes one of *MORE_READS each. */
void connection_take_last(struct connection *connection, size_t *more_reads, uint64_t now);
/* BY_USER's turn has come. */
void connection_go_on(struct list *by_user, uint64_t now);

/* For policies that name units, and for the audit: looks up the peer's, once. It costs 40 to 85 us,
 * more than all else about a connection. 0, or -errno: who cannot be looked up is not refused, but
 * hung up on, and may ask again. */
int connection_seek_unit(struct connection *connection);

/* Of a request whose owner is a struct server. */
struct connection *connection_of(struct request *request);
