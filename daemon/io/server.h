/* SPDX-License-Identifier: MIT */
/* server - the connections of workers: bytes in, requests up, answers out.
 *
 * Owns the connections. Plain events and small buffers: a connection at rest holds no buffer at
 * all. Reads no more while an answer is owed or unsent, so that nobody can make it allocate. What a
 * request means is its owner's business. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "core/broker.h"
#include "io/loop.h"
#include "wire/api.h"
#include "wire/http1.h"

/* A request must be complete, and an answer taken, within this time. */
#define SERVER_PATIENCE (2 * NSEC_PER_SEC)
/* Descriptors that connections leave to everything else. */
#define SERVER_DESCRIPTORS_RESERVED 128
/* Connections at once, however many descriptors there are. */
#define SERVER_CONNECTIONS_MAX 65536

struct server;

struct connection {
        struct server *server;
        int fd;
        struct watch watch;
        struct list link;  /* in server.idle, .hurried or .parked */
        uint64_t deadline; /* while hurried */
        struct buffer in;  /* the beginning of a request, or requests behind one that waits */
        struct buffer out; /* what the peer has not taken yet */
        bool waits;        /* a request is with the owner */
        bool ended;        /* the peer sends no more */
        enum http1_keep_alive keep_alive; /* after the request at hand */
        struct peer peer;
        bool unit_is_sought; /* of the peer, and found or not */

        /* The owner's, for the request at hand. */
        struct request request;
        enum api_format format;
};

struct server_owner {
        void *user;
        /* HTTP has come in on CONNECTION. Writes the answer to OUT, or leaves it empty and calls
         * server_answer() later. An error of OUT ends the connection. */
        void (*requested)(void *user, struct connection *connection,
                          const struct http1_request *http, struct buffer *out, uint64_t now);
        /* Who asked on CONNECTION has gone, and with it the connection when this returns. */
        void (*left)(void *user, struct connection *connection);
};

struct server {
        struct server_owner owner;
        struct loop *loop;
        int fd; /* listening; borrowed */
        struct watch watch;
        size_t n_connections;
        size_t n_max;
        struct list idle;    /* between requests, longest first */
        struct list hurried; /* in mid-request or mid-answer, by deadline */
        struct list parked;  /* with a request that waits */
        uint64_t resume_at;  /* no accept before; NEVER: not paused */
        uint64_t told_until; /* no more of what the system refuses before */
        struct buffer answer;
        char scratch[HTTP1_HEAD_MAX + HTTP1_BODY_MAX];
};

/* 0, or -errno. */
int server_start(struct server *server, struct loop *loop, int fd,
                 const struct server_owner *owner);
/* Takes what has been asked so far, answers it where it can, and closes everything. */
void server_stop(struct server *server, uint64_t now);

/* The answer to the request that CONNECTION waits with. May close CONNECTION. */
void server_answer(struct connection *connection, const struct buffer *answer, uint64_t now);

/* For policies that name units: looks up the peer's, once. It costs some 40 us. 0, or -errno: who
 * cannot be looked up is not refused, but hung up on, and may ask again. */
int connection_seek_unit(struct connection *connection);
/* The same for all whose request waits; hangs up where it must. */
void server_seek_units(struct server *server);

/* When server_expired() is due. */
uint64_t server_deadline(const struct server *server);
void server_expired(struct server *server, uint64_t now);

/* Of a request whose owner is a struct server. */
struct connection *connection_of(struct request *request);
