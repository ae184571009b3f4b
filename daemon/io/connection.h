/* SPDX-License-Identifier: MIT */
/* connection - one connection of a worker: bytes in, requests up, answers out.
 *
 * Plain events and small buffers: a connection at rest holds no buffer at all. Reads no more while
 * an answer is owed or unsent, so that nobody can make it allocate, nor while it is the turn of
 * other users. It is embedded in nothing, and ends itself when all is said. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "core/broker.h"
#include "io/crowd.h"
#include "io/loop.h"
#include "wire/api.h"
#include "wire/http1.h"

/* A request must be complete, and an answer taken, within this time. */
#define CONNECTION_PATIENCE (2 * NSEC_PER_SEC)

struct server;
struct stream;

struct connection {
        struct server *server;
        struct crowd_user *user;
        int fd;
        struct watch watch;
        struct list link;    /* in server.resting, .hurried or .parked */
        struct list by_user; /* in user.idle or .deferred, or in none */
        uint64_t deadline;   /* while hurried */
        struct buffer in;    /* the beginning of a request, or requests behind one that waits */
        struct buffer out;   /* what the peer has not taken yet */
        uint64_t in_taken;   /* of the user's quota, for the buffers */
        uint64_t out_taken;
        struct stream *stream;            /* io/stream; NULL: it is none */
        bool waits;                       /* a request is with the owner */
        bool is_deferred;                 /* until its user has a turn again */
        bool ended;                       /* the peer sends no more */
        enum http1_keep_alive keep_alive; /* after the request at hand */
        struct peer peer;
        bool unit_is_sought; /* of the peer, and found or not */

        /* The owner's, for the request at hand. */
        struct request request;
        enum api_format format;
        /* ... and which generation of which token is known to be on record for this peer. */
        const void *on_record;
        uint64_t generation_on_record;
};

/* Takes FD, and what has already come in on it. If its user has too many connections, the one of
 * them that has been idle for longest ends, or else the new one, with an answer that says so. */
void connection_open(struct server *server, int fd, uint64_t now);
/* NULL. */
struct connection *connection_close(struct connection *connection);

/* Sends ANSWER, to the request that CONNECTION waits with, and wipes it. May close CONNECTION. */
void connection_answer(struct connection *connection, struct buffer *answer, uint64_t now);

/* Sends MORE on CONNECTION, which is a stream, and wipes it. May close CONNECTION. */
void connection_send_more(struct connection *connection, struct buffer *more, uint64_t now);

/* Of one that is at rest: whether more has come in. */
bool connection_has_bytes(const struct connection *connection);
/* Takes what has come in on one that is at rest. May close CONNECTION. */
void connection_take_last(struct connection *connection, uint64_t now);
/* BY_USER's turn has come. */
void connection_go_on(struct list *by_user, uint64_t now);

/* For policies that name units, and for the audit: looks up the peer's, once. It costs 40 to 85 us,
 * more than all else about a connection. 0, or -errno: who cannot be looked up is not refused, but
 * hung up on, and may ask again. */
int connection_seek_unit(struct connection *connection);

/* Of a request whose owner is a struct server. */
struct connection *connection_of(struct request *request);
