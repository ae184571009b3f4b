/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "io/server.h"

/* Connections taken in one go, before others get their turn. */
#define ACCEPTS_AT_ONCE 64
/* How long accept(2) rests when descriptors have run out and nothing can be closed. */
#define ACCEPT_REST (100 * NSEC_PER_MSEC)

/* ---- accepting ---- */

static void accept_ready(struct watch *watch, unsigned what, uint64_t now);

static void accept_pause(struct server *server, uint64_t now) {
        watch_stop(&server->watch);
        server->resume_at = time_add(now, ACCEPT_REST);
}

static void accept_resume(struct server *server, uint64_t now) {
        server->resume_at = NEVER;
        if (watch_start(&server->watch, server->loop, server->fd, WATCH_READ, accept_ready) < 0)
                accept_pause(server, now);
}

/* Closes the connection that has been idle for longest: its owner will connect again. Not one whose
 * request is there already, and would be lost. */
static bool make_room(struct server *server) {
        LIST_FOREACH(link, &server->resting) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);

                if (connection_has_bytes(connection))
                        continue;
                connection_close(connection);
                return true;
        }
        return false;
}

static void accept_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct server *server = CONTAINER_OF(watch, struct server, watch);

        for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
                int fd;

                if (server->crowd.quota.taken[QUOTA_CONNECTIONS] >= server->n_max) {
                        /* Only at first is it known that somebody wants to come in. */
                        if (i > 0)
                                return;
                        if (!make_room(server)) {
                                accept_pause(server, now);
                                return;
                        }
                }
                fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd >= 0) {
                        server->n_accepted++;
                        connection_open(server, fd, now);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                        if (!make_room(server))
                                accept_pause(server, now);
                }
                return;
        }
}

/* ---- the server ---- */

/* As many connections as there are descriptors, up to the hard limit. */
static size_t connections_max(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return SERVER_DESCRIPTORS_RESERVED;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                getrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur > SERVER_CONNECTIONS_MAX + SERVER_DESCRIPTORS_RESERVED)
                return SERVER_CONNECTIONS_MAX;
        if (limit.rlim_cur < 2 * SERVER_DESCRIPTORS_RESERVED)
                return (size_t)limit.rlim_cur / 2;
        return (size_t)limit.rlim_cur - SERVER_DESCRIPTORS_RESERVED;
}

int server_start(struct server *server, struct loop *loop, int fd, size_t n_max,
                 const struct server_owner *owner) {
        *server = (struct server){
                .owner = *owner,
                .loop = loop,
                .fd = fd,
                .n_max = n_max > 0 ? n_max : connections_max(),
                .resume_at = NEVER,
                .answer = BUFFER_INIT(HTTP1_HEAD_MAX + HTTP1_ANSWER_MAX),
        };
        crowd_init(&server->crowd, &(struct quota_limits){0});
        server_limit(server, &(struct server_limits){.user_connections = SERVER_CONNECTIONS_MAX,
                                                     .user_waiting = SERVER_CONNECTIONS_MAX,
                                                     .user_requests_per_second =
                                                             QUOTA_REQUESTS_PER_SECOND_MAX});
        list_init(&server->resting);
        list_init(&server->hurried);
        list_init(&server->parked);
        if (fd < 0)
                return 0;
        return watch_start(&server->watch, loop, fd, WATCH_READ, accept_ready);
}

void server_limit(struct server *server, const struct server_limits *limits) {
        struct quota_limits quota = {
                .all = {[QUOTA_CONNECTIONS] = server->n_max,
                        [QUOTA_READING] = SERVER_BYTES_MAX,
                        [QUOTA_WAITING] = server->n_max,
                        [QUOTA_WRITING] = SERVER_BYTES_MAX},
                .user = {[QUOTA_CONNECTIONS] = limits->user_connections,
                         [QUOTA_READING] = SERVER_BYTES_MAX,
                         [QUOTA_WAITING] = limits->user_waiting,
                         [QUOTA_WRITING] = SERVER_BYTES_MAX},
                .requests_per_second = limits->user_requests_per_second,
        };

        quota_set_limits(&server->crowd.quota, &quota);
}

/* A request that has already arrived gets its answer, if there is one at once. */
static void serve_last(struct server *server, uint64_t now) {
        server_next_turn(server, now);
        LIST_FOREACH_SAFE(link, following, &server->resting)
                connection_take_last(CONTAINER_OF(link, struct connection, link), now);
}

static void close_all(struct list *list) {
        struct list *link;

        while ((link = list_first(list)))
                connection_close(CONTAINER_OF(link, struct connection, link));
}

void server_stop(struct server *server, uint64_t now) {
        watch_stop(&server->watch);
        serve_last(server, now);
        close_all(&server->resting);
        close_all(&server->hurried);
        close_all(&server->parked);
        crowd_deinit(&server->crowd);
        buffer_deinit(&server->answer);
        explicit_bzero(server->scratch, sizeof server->scratch);
}

static bool has_more(const struct control_user *a, const struct control_user *b) {
        return a->connections > b->connections ||
               (a->connections == b->connections && a->uid < b->uid);
}

/* Keeps those who have the most, in their order. */
static void add_user(struct control_peers *peers, const struct crowd_user *user) {
        struct control_user added = {
                .uid = user->uid,
                .connections = user->quota.taken[QUOTA_CONNECTIONS],
                .waiting = user->quota.taken[QUOTA_WAITING],
        };
        size_t i;

        if (added.connections == 0)
                return; /* has left */
        peers->users++;
        if (peers->n_most < CONTROL_USERS_MAX)
                peers->n_most++;
        else if (!has_more(&added, &peers->most[peers->n_most - 1]))
                return;
        for (i = peers->n_most - 1; i > 0 && has_more(&added, &peers->most[i - 1]); i--)
                peers->most[i] = peers->most[i - 1];
        peers->most[i] = added;
}

void server_peers(const struct server *server, struct control_peers *ret_peers) {
        const struct crowd *crowd = &server->crowd;
        struct control_peers peers = {
                .connections = crowd->quota.taken[QUOTA_CONNECTIONS],
                .connections_max = server->n_max,
                .waiting = crowd->quota.taken[QUOTA_WAITING],
                .accepted = server->n_accepted,
                .turned_away = server->n_turned_away,
        };

        for (size_t i = 0; i < CROWD_BUCKETS; i++)
                LIST_FOREACH(link, &crowd->buckets[i])
                        add_user(&peers, CONTAINER_OF(link, struct crowd_user, by_uid));
        *ret_peers = peers;
}

void server_seek_units(struct server *server) {
        LIST_FOREACH(link, &server->parked) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);

                if (connection->waits)
                        connection_seek_unit(connection);
        }
}

uint64_t server_deadline(const struct server *server) {
        struct list *link = list_first(&server->hurried);
        uint64_t first = link ? CONTAINER_OF(link, struct connection, link)->deadline : NEVER;

        return time_min(first, server->resume_at);
}

void server_expired(struct server *server, uint64_t now) {
        struct list *link;

        while ((link = list_first(&server->hurried))) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);

                if (connection->deadline > now)
                        break;
                connection_close(connection);
        }
        if (server->resume_at <= now)
                accept_resume(server, now);
}

uint64_t server_turn_at(const struct server *server, uint64_t now) {
        return crowd_turn_at(&server->crowd, now);
}

void server_next_turn(struct server *server, uint64_t now) {
        crowd_next_turn(&server->crowd, connection_go_on, now);
}
