/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "io/journal.h"
#include "io/server.h"

/* At the end, who goes on sending is not listened to for ever: 0.4 ms each at most. */
#define LAST_READS 4096

/* How long accept(2) rests when descriptors have run out and nothing can be closed. */
#define ACCEPT_REST (100 * NSEC_PER_MSEC)

/* ---- what the system refuses ---- */

void server_strained(struct server *server, const char *what, int error) {
        uint64_t now = clock_now();

        if (error == -EPIPE || error == -ECONNRESET || now < server->told_until)
                return;
        server->told_until = time_add(now, JOURNAL_STRAINED_REST);
        journal_strained(what, error);
}

/* ---- accepting ---- */

static void accept_stop(struct server *server) {
        for (size_t i = 0; i < server->n_entrances; i++)
                entrance_close(&server->entrances[i]);
}

static int accept_start(struct server *server) {
        for (size_t i = 0; i < server->n_entrances; i++) {
                int r = entrance_open(&server->entrances[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

void server_rest(struct server *server, uint64_t now) {
        accept_stop(server);
        server->resume_at = time_add(now, ACCEPT_REST);
}

static void accept_resume(struct server *server, uint64_t now) {
        server->resume_at = NEVER;
        if (accept_start(server) < 0)
                server_rest(server, now);
}

bool server_make_room(struct server *server) {
        LIST_FOREACH(link, &server->resting) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);

                if (peer_has_sent(connection->fd))
                        continue;
                connection_close(connection);
                return true;
        }
        return false;
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
        if (limit.rlim_cur / 2 < SERVER_DESCRIPTORS_RESERVED)
                return (size_t)limit.rlim_cur / 2;
        return (size_t)limit.rlim_cur - SERVER_DESCRIPTORS_RESERVED;
}

int server_start(struct server *server, struct loop *loop, const int *fds, size_t n, size_t n_max,
                 const struct server_owner *owner) {
        assert(n <= SERVER_SOCKETS_MAX);
        *server = (struct server){
                .owner = *owner,
                .loop = loop,
                .n_entrances = n,
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
        departures_init(&server->departures);
        for (size_t i = 0; i < n; i++)
                entrance_init(&server->entrances[i], server, fds[i]);
        server->spare = server_make_exchange(server);
        return server->spare ? accept_start(server) : -ENOMEM;
}

struct exchange *server_make_exchange(const struct server *server) {
        return exchange_new(HTTP1_HEAD_MAX + HTTP1_BODY_MAX, server->answer.limit);
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

static void take_last(struct list *connections, size_t *more_reads, uint64_t now) {
        LIST_FOREACH_SAFE(link, following, connections)
                connection_take_last(CONTAINER_OF(link, struct connection, link), more_reads, now);
}

/* A request that has already arrived gets its answer, if there is one at once. */
static void serve_last(struct server *server, uint64_t now) {
        size_t more_reads = LAST_READS;

        server_next_turn(server, now);
        take_last(&server->resting, &more_reads, now);
        take_last(&server->hurried, &more_reads, now);
}

static void close_all(struct list *list) {
        struct list *link;

        while ((link = list_first(list)))
                connection_close(CONTAINER_OF(link, struct connection, link));
}

void server_shut(struct server *server) {
        while (server->n_entrances > 0)
                entrance_deinit(&server->entrances[--server->n_entrances]);
}

void server_stop(struct server *server, uint64_t now) {
        server_shut(server);
        serve_last(server, now);
        close_all(&server->parked);
        departures_deinit(&server->departures);
        crowd_deinit(&server->crowd);
        free(server->newcomer);
        server->spare = exchange_free(server->spare);
        buffer_deinit(&server->answer);
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

        for (size_t i = 0; i < server->n_entrances; i++)
                peers.rush |= server->entrances[i].rush.is_on;
        for (size_t i = 0; i < CROWD_BUCKETS; i++)
                LIST_FOREACH(link, &crowd->buckets[i])
                        add_user(&peers, CONTAINER_OF(link, struct crowd_user, by_uid));
        *ret_peers = peers;
}

static void seek_units(struct server *server, const struct list *connections) {
        LIST_FOREACH_SAFE(link, following, connections) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);
                bool is_sought = connection->waits || connection_stream(connection);
                int r = is_sought ? connection_seek_unit(connection) : 0;

                if (r < 0) {
                        server_strained(server, "hang up on a worker", r);
                        connection_close(connection);
                }
        }
}

void server_seek_units(struct server *server) {
        seek_units(server, &server->parked);
        seek_units(server, &server->hurried);
}

/* Of those who are too slow. NEVER: nobody hurries. */
static uint64_t cut_off_deadline(const struct server *server) {
        struct list *link = list_first(&server->hurried);

        if (!link)
                return NEVER;
        return time_max(CONTAINER_OF(link, struct connection, link)->exchange->deadline,
                        server->cut_off_at);
}

/* Many may be too slow at once: some are cut off in the next turn. */
static void cut_off(struct server *server, uint64_t now) {
        unsigned n = 0;

        while (n++ < QUOTA_TURN && cut_off_deadline(server) <= now)
                connection_close(
                        CONTAINER_OF(list_first(&server->hurried), struct connection, link));
        if (n > QUOTA_TURN)
                server->cut_off_at = time_add(now, 1);
}

uint64_t server_deadline(const struct server *server) {
        uint64_t first = time_min(cut_off_deadline(server), server->resume_at);

        first = time_min(first, departures_deadline(&server->departures));
        for (size_t i = 0; i < server->n_entrances; i++)
                first = time_min(first, entrance_deadline(&server->entrances[i]));
        return first;
}

bool server_close_departures(struct server *server, uint64_t now) {
        int r = departures_expired(&server->departures, now);

        if (r < 0)
                server_strained(server, "cannot close connections that may have passed descriptors",
                                r);
        return r == 0;
}

void server_expired(struct server *server, uint64_t now) {
        cut_off(server, now);
        if (departures_deadline(&server->departures) <= now)
                server_close_departures(server, now);
        for (size_t i = 0; i < server->n_entrances; i++)
                entrance_expired(&server->entrances[i], now);
        if (server->resume_at <= now)
                accept_resume(server, now);
}

uint64_t server_turn_at(const struct server *server, uint64_t now) {
        return crowd_turn_at(&server->crowd, now);
}

void server_next_turn(struct server *server, uint64_t now) {
        crowd_next_turn(&server->crowd, connection_go_on, now);
}
