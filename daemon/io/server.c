/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "io/peer.h"
#include "io/server.h"

/* Connections taken in one go, before others get their turn. */
#define ACCEPTS_AT_ONCE 64
/* How long accept(2) rests when descriptors have run out and nothing can be closed. */
#define ACCEPT_REST (100 * NSEC_PER_MSEC)
/* What is kept of an incomplete request grows by so much. */
#define READ_STEP ((size_t)4096)

static void connection_ready(struct watch *watch, unsigned what, uint64_t now);

/* ---- a connection's life ---- */

static struct connection *connection_close(struct connection *connection) {
        struct server *server = connection->server;

        if (connection->waits)
                server->owner.left(server->owner.user, connection);
        watch_stop(&connection->watch);
        list_remove(&connection->link);
        close(connection->fd);
        buffer_deinit(&connection->in);
        buffer_deinit(&connection->out);
        peer_deinit(&connection->peer);
        free(connection);
        server->n_connections--;
        return NULL;
}

static void connection_move(struct connection *connection, struct list *to) {
        list_remove(&connection->link);
        list_append(to, &connection->link);
}

/* From here on the peer has SERVER_PATIENCE, however slowly it goes on. */
static void connection_hurry(struct connection *connection, uint64_t now) {
        if (connection->deadline != 0)
                return;
        connection->deadline = time_add(now, SERVER_PATIENCE);
        connection_move(connection, &connection->server->hurried);
}

static void connection_rest(struct connection *connection, struct list *where) {
        connection->deadline = 0;
        connection_move(connection, where);
}

static int connection_watch(struct connection *connection, unsigned what) {
        if (connection->watch.what == what)
                return 0;
        return watch_start(&connection->watch, connection->server->loop, connection->fd, what,
                           connection_ready);
}

/* Puts CONNECTION where its state belongs, and watches for what can come next. While a request
 * waits, that is the peer's leaving: new bytes are noticed once, and stay where they are. False: it
 * could not be watched. */
static bool connection_settle(struct connection *connection, uint64_t now) {
        struct server *server = connection->server;
        unsigned what = WATCH_READ;

        if (connection->out.size > 0) {
                connection_hurry(connection, now);
                what = WATCH_WRITE;
        } else if (connection->waits) {
                connection_rest(connection, &server->parked);
                what = WATCH_READ | WATCH_CLOSED | WATCH_EDGE;
        } else if (connection->in.size > 0) {
                connection_hurry(connection, now);
        } else {
                buffer_deinit(&connection->in);
                connection_rest(connection, &server->idle);
        }
        return connection_watch(connection, what) == 0;
}

/* ---- answers ---- */

/* Sends ANSWER, and keeps what the peer does not take. False: the connection is dead. */
static bool connection_send(struct connection *connection, const struct buffer *answer) {
        ssize_t sent = send(connection->fd, answer->data, answer->size, MSG_NOSIGNAL);

        if (sent < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        return false;
                sent = 0;
        }
        buffer_append(&connection->out, answer->data + sent, answer->size - (size_t)sent);
        return buffer_error(&connection->out) == 0;
}

/* Sends what was kept. False: the connection is dead. */
static bool connection_flush(struct connection *connection) {
        ssize_t sent =
                send(connection->fd, connection->out.data, connection->out.size, MSG_NOSIGNAL);

        if (sent < 0)
                return errno == EAGAIN || errno == EINTR;
        buffer_consume(&connection->out, (size_t)sent);
        if (connection->out.size == 0) {
                buffer_deinit(&connection->out);
                connection->deadline = 0;
        }
        return true;
}

/* ---- requests ---- */

static void refuse(struct server *server, const char *why) {
        struct api_error error = {.status = 400, .error = "invalid_request"};

        strncpy(error.description, why, API_DESCRIPTION_MAX);
        api_error_render(&server->answer, &error, HTTP1_CLOSED);
}

/* Takes the first request off DATA. The bytes it took; 0: more must come; < 0: the connection is
 * dead. */
static ssize_t take_request(struct connection *connection, struct slice data, uint64_t now) {
        struct server *server = connection->server;
        struct http1_request http;
        const char *why = NULL;
        ssize_t size = http1_request_parse(data, &http, &why);

        if (size == 0)
                return 0;
        buffer_clear(&server->answer);
        if (size < 0) {
                connection->keep_alive = HTTP1_CLOSED;
                refuse(server, why);
                size = (ssize_t)data.size;
        } else {
                connection->keep_alive = http.keep_alive;
                server->owner.requested(server->owner.user, connection, &http, &server->answer,
                                        now);
        }
        if (buffer_error(&server->answer) < 0)
                return buffer_error(&server->answer);
        if (server->answer.size == 0)
                connection->waits = true;
        else if (!connection_send(connection, &server->answer))
                return -EPIPE;
        return size;
}

/* Whether a request may be taken now. */
static bool connection_is_open(const struct connection *connection) {
        return !connection->waits && connection->out.size == 0 && connection->keep_alive;
}

/* Takes requests off DATA as long as they can be answered at once. The bytes taken, or < 0. */
static ssize_t take_requests(struct connection *connection, struct slice data, uint64_t now) {
        size_t taken = 0;

        while (taken < data.size && connection_is_open(connection)) {
                struct slice rest = {data.data + taken, data.size - taken};
                ssize_t size = take_request(connection, rest, now);

                if (size < 0)
                        return size;
                if (size == 0)
                        break;
                taken += (size_t)size;
                connection->deadline = 0;
        }
        return (ssize_t)taken;
}

/* Goes on with what is in connection->in. */
static bool connection_take(struct connection *connection, uint64_t now) {
        ssize_t taken = take_requests(connection, buffer_slice(&connection->in), now);

        if (taken < 0)
                return false;
        buffer_consume(&connection->in, (size_t)taken);
        return true;
}

/* Reads what there is into the server's scratch: most often that is one request, whole. */
static bool read_fresh(struct connection *connection, uint64_t now) {
        struct server *server = connection->server;
        ssize_t size = read(connection->fd, server->scratch, sizeof server->scratch), taken;

        if (size < 0)
                return errno == EAGAIN || errno == EINTR;
        if (size == 0) {
                connection->ended = true;
                return true;
        }
        taken = take_requests(connection, (struct slice){server->scratch, (size_t)size}, now);
        if (taken < 0)
                return false;
        buffer_append(&connection->in, server->scratch + taken, (size_t)(size - taken));
        return buffer_error(&connection->in) == 0;
}

/* Reads more of a request that has begun. */
static bool read_more(struct connection *connection, uint64_t now) {
        struct buffer *in = &connection->in;
        size_t room = in->limit - in->size < READ_STEP ? in->limit - in->size : READ_STEP;
        ssize_t size;

        if (buffer_reserve(in, room) < 0)
                return false;
        size = read(connection->fd, in->data + in->size, room);
        if (size < 0)
                return errno == EAGAIN || errno == EINTR;
        if (size == 0) {
                connection->ended = true;
                return true;
        }
        buffer_added(in, (size_t)size);
        return connection_take(connection, now);
}

/* Whether all is said that will ever be. */
static bool connection_is_over(const struct connection *connection) {
        if (connection->waits || connection->out.size > 0)
                return false;
        return connection->ended || !connection->keep_alive;
}

static void connection_advance(struct connection *connection, bool alive, uint64_t now) {
        if (!alive || connection_is_over(connection) || !connection_settle(connection, now))
                connection_close(connection);
}

static void connection_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct connection *connection = CONTAINER_OF(watch, struct connection, watch);
        bool alive;

        if (connection->out.size > 0) {
                alive = connection_flush(connection);
                if (alive && connection_is_open(connection))
                        alive = connection_take(connection, now);
        } else if (connection->waits) {
                alive = !peer_has_gone(connection->fd);
        } else if (connection->in.size > 0) {
                alive = read_more(connection, now);
        } else {
                alive = read_fresh(connection, now);
        }
        connection_advance(connection, alive, now);
}

void server_answer(struct connection *connection, const struct buffer *answer, uint64_t now) {
        bool alive;

        assert(connection->waits);
        connection->waits = false;
        alive = connection_send(connection, answer);
        if (alive && connection_is_open(connection))
                alive = connection_take(connection, now);
        connection_advance(connection, alive, now);
}

/* ---- who asks ---- */

void connection_seek_unit(struct connection *connection) {
        if (connection->unit_is_sought)
                return;
        connection->unit_is_sought = true;
        peer_find_unit(connection->fd, &connection->peer);
}

void server_seek_units(struct server *server) {
        LIST_FOREACH(link, &server->parked)
                connection_seek_unit(CONTAINER_OF(link, struct connection, link));
}

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

static bool has_bytes(const struct connection *connection) {
        char byte;

        return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Closes the connection that has been idle for longest: its owner will connect again. Not one whose
 * request is there already, and would be lost. */
static bool make_room(struct server *server) {
        LIST_FOREACH(link, &server->idle) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);

                if (has_bytes(connection))
                        continue;
                connection_close(connection);
                return true;
        }
        return false;
}

static void connection_open(struct server *server, int fd, uint64_t now) {
        struct connection *connection = calloc(1, sizeof *connection);

        if (!connection || peer_read(fd, &connection->peer) < 0) {
                free(connection);
                close(fd);
                return;
        }
        connection->server = server;
        connection->request.owner = server;
        connection->fd = fd;
        connection->in = BUFFER_INIT(sizeof server->scratch);
        connection->out = BUFFER_INIT(server->answer.limit);
        connection->keep_alive = HTTP1_KEPT;
        server->n_connections++;
        /* Most clients have sent their request by now. */
        connection_advance(connection, read_fresh(connection, now), now);
}

static void accept_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct server *server = CONTAINER_OF(watch, struct server, watch);

        for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
                int fd;

                if (server->n_connections >= server->n_max) {
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
        if (limit.rlim_cur / 2 < SERVER_DESCRIPTORS_RESERVED)
                return (size_t)limit.rlim_cur / 2;
        return (size_t)limit.rlim_cur - SERVER_DESCRIPTORS_RESERVED;
}

int server_start(struct server *server, struct loop *loop, int fd,
                 const struct server_owner *owner) {
        *server = (struct server){
                .owner = *owner,
                .loop = loop,
                .fd = fd,
                .n_max = connections_max(),
                .resume_at = NEVER,
                .answer = BUFFER_INIT(HTTP1_HEAD_MAX + HTTP1_ANSWER_MAX),
        };
        list_init(&server->idle);
        list_init(&server->hurried);
        list_init(&server->parked);
        return watch_start(&server->watch, loop, fd, WATCH_READ, accept_ready);
}

/* A request that has already arrived gets its answer, if there is one at once. */
static void serve_last(struct server *server, uint64_t now) {
        LIST_FOREACH_SAFE(link, following, &server->idle) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);

                if (!read_fresh(connection, now))
                        connection_close(connection);
        }
}

static void close_all(struct list *list) {
        struct list *link;

        while ((link = list_first(list)))
                connection_close(CONTAINER_OF(link, struct connection, link));
}

void server_stop(struct server *server, uint64_t now) {
        watch_stop(&server->watch);
        serve_last(server, now);
        close_all(&server->idle);
        close_all(&server->hurried);
        close_all(&server->parked);
        buffer_deinit(&server->answer);
        explicit_bzero(server->scratch, sizeof server->scratch);
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

struct connection *connection_of(struct request *request) {
        struct connection *connection = CONTAINER_OF(request, struct connection, request);

        assert(connection->server == request->owner);
        return connection;
}
