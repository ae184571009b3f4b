/* SPDX-License-Identifier: MIT */
/* server - a socket where HTTP is spoken, with workers or with operators: who comes in, and until
 * when each may take its time.
 *
 * Owns the connections, and the users that they are of. What a request means is its owner's
 * business. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "io/connection.h"
#include "io/crowd.h"
#include "io/departures.h"
#include "io/entrance.h"
#include "io/loop.h"
#include "wire/control.h"
#include "wire/http1.h"
#include "wire/wordings.h"

/* Descriptors that connections leave to everything else. */
#define SERVER_DESCRIPTORS_RESERVED 128
/* Connections at once, however many descriptors there are. */
#define SERVER_CONNECTIONS_MAX 65536
/* Bytes of requests that are not complete, and as many of answers that were not taken. */
#define SERVER_BYTES_MAX (UINT64_C(32) << 20)
/* Sockets that it listens at. */
#define SERVER_SOCKETS_MAX 8

struct server_owner {
        void *user;
        /* HTTP has come in on CONNECTION. The answer, in OUT or elsewhere, which stays as it is
         * until the next call to anything here; NULL: connection_answer() will be called later. One
         * that has an error ends the connection. */
        const struct buffer *(*requested)(void *user, struct connection *connection,
                                          const struct http1_request *http, struct buffer *out,
                                          uint64_t now);
        /* The same, of a request that came before in the same bytes: it means MEANING. */
        const struct buffer *(*asked)(void *user, struct connection *connection,
                                      const struct api_request *meaning, struct buffer *out,
                                      uint64_t now);
        const struct wordings *wordings; /* those that came before; NULL: they are not known */
        /* Who asked on CONNECTION has gone, and with it the connection when this returns. */
        void (*left)(void *user, struct connection *connection);
        /* All that was sent on CONNECTION, which is a stream, has been taken. */
        void (*taken)(void *user, const struct connection *connection, uint64_t now);
        /* PEER, at the other end of FD, has too many connections, and is refused this one. NULL:
         * that is of no interest. */
        void (*turned_away)(void *user, int fd, const struct peer *peer, uint64_t now);
};

/* What one user may have, as configured. */
struct server_limits {
        unsigned user_connections;
        unsigned user_waiting;
        unsigned user_requests_per_second;
};

struct server {
        struct server_owner owner;
        struct loop *loop;
        struct entrance entrances[SERVER_SOCKETS_MAX];
        size_t n_entrances;
        size_t n_max;
        struct crowd crowd;
        struct list resting; /* between requests, longest first */
        struct list hurried; /* in mid-request or mid-answer, by deadline */
        struct list parked;  /* with a request that waits, as a stream, or until its user's turn */
        uint64_t cut_off_at; /* who is too slow, but not before: others have their turn */
        uint64_t told_until; /* no more of what the system refuses before */
        uint64_t resume_at;  /* no accept before; NEVER: not paused */
        uint64_t n_accepted;
        uint64_t n_turned_away; /* of users who had too many */
        struct departures departures;
        struct connection *newcomer;   /* for who comes in next, see admission_prepare(), or NULL */
        struct exchange *spare;        /* for who says something next; NULL: somebody does now */
        struct buffer answer;          /* empty, but while one is made and sent */
        char scratch[CONNECTION_READ]; /* zeroes, but while requests are taken */
};

/* Listens at the N sockets FDS, of which there are at most SERVER_SOCKETS_MAX. Serves
 * N_MAX connections at once; 0: as many as there are descriptors. 0, or -errno. */
int server_start(struct server *server, struct loop *loop, const int *fds, size_t n, size_t n_max,
                 const struct server_owner *owner);
/* Nobody comes in any more: the sockets are the caller's again. */
void server_shut(struct server *server);
/* Takes what has been asked so far, answers it where it can, and closes everything, but what the
 * end of the process has to (io/departures). */
void server_stop(struct server *server, uint64_t now);

/* From now on. Who has more keeps it. */
void server_limit(struct server *server, const struct server_limits *limits);

/* Who is connected. */
void server_peers(const struct server *server, struct control_peers *ret_peers);

/* connection_seek_unit() for all whose request waits, and all streams; hangs up where it must. */
void server_seek_units(struct server *server);

/* One more, as large as they are here. NULL: no memory. */
struct exchange *server_make_exchange(const struct server *server);

/* WHAT is done to workers, or they have to wait, for ERROR, which is -errno: operators are to know
 * why. That peers leave is no such thing. */
void server_strained(struct server *server, const char *what, int error);

/* Closes the connection that has been idle for longest, whose owner will connect again; but none
 * whose request is there already, and would be lost. Whether there was one. */
bool server_make_room(struct server *server);
/* Closes the connections that are over, though they are not due yet. Whether it could. */
bool server_close_departures(struct server *server, uint64_t now);
/* Accepts nobody for a moment. */
void server_rest(struct server *server, uint64_t now);

/* When server_expired() is due. */
uint64_t server_deadline(const struct server *server);
void server_expired(struct server *server, uint64_t now);

/* Users who want more than others wait for their turns. When the next one is; NEVER: nobody
 * does. */
uint64_t server_turn_at(const struct server *server, uint64_t now);
void server_next_turn(struct server *server, uint64_t now);
