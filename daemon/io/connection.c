/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/connection.h"
#include "io/peer.h"
#include "io/rights.h"
#include "io/server.h"

static void connection_ready(struct watch *watch, unsigned what, uint64_t now);

struct server *connection_server(const struct connection *connection) {
        return CONTAINER_OF(connection->user->crowd, struct server, crowd);
}

/* ---- what is said ---- */

static bool has_unsent(const struct connection *connection) {
        return connection->exchange && connection->exchange->out.size > 0;
}

/* The beginning of a request, or more. */
static bool has_unread(const struct connection *connection) {
        return connection->exchange && connection->exchange->in.size > 0;
}

/* Something is said: it is at rest no longer. */
static struct exchange *connection_begin(struct connection *connection) {
        struct server *server = connection_server(connection);

        if (!connection->exchange) {
                connection->exchange = server->spare;
                server->spare = NULL;
                connection->exchange->connection = connection;
                connection->exchange->request.owner = server;
                connection->exchange->request.user = &connection->user->quota;
        }
        return connection->exchange;
}

/* All is said: the exchange serves another one. */
static void connection_end(struct connection *connection) {
        struct server *server = connection_server(connection);
        struct exchange *exchange = connection->exchange;

        connection->exchange = NULL;
        if (server->spare)
                exchange_free(exchange);
        else
                server->spare = exchange;
}

/* It keeps its exchange, and so the next one needs another. */
static int connection_keep(struct connection *connection) {
        struct server *server = connection_server(connection);

        if (!server->spare)
                server->spare = server_make_exchange(server);
        return server->spare ? 0 : -ENOMEM;
}

/* ---- a connection's life ---- */

/* Whether the owner has something to say that nobody knows yet, and the peer nothing. */
static bool connection_stays(const struct connection *connection) {
        return connection->waits || connection_stream(connection);
}

/* Out of its user's lists. */
static void connection_step_out(struct connection *connection) {
        crowd_undefer(connection->user, &connection->by_user);
}

void connection_forget(struct connection *connection) {
        struct crowd_user *user = connection->user;

        if (connection->fd >= 0)
                close(connection->fd);
        list_remove(&connection->link);
        if (user) {
                quota_give(&user->quota, QUOTA_CONNECTIONS, 1);
                crowd_leave(user);
        }
        free(connection);
}

void connection_depart(struct server *server, struct connection *connection) {
        if ((connection->has_rights || !connection->ended) && peer_shut(connection->fd))
                departures_add(&server->departures, connection, server->n_max);
        else
                connection_forget(connection);
}

struct connection *connection_close(struct connection *connection) {
        struct server *server = connection_server(connection);

        if (connection_stays(connection))
                server->owner.left(server->owner.user, connection);
        watch_stop(&connection->watch);
        list_remove(&connection->link);
        connection_step_out(connection);
        if (connection->exchange) {
                exchange_clear(connection->exchange, &connection->user->quota);
                connection_end(connection);
        }
        peer_deinit(&connection->peer);
        connection_depart(server, connection);
        return NULL;
}

/* For `return`: false, for ERROR has ended it. */
static bool connection_lost(struct connection *connection, int error) {
        server_strained(connection_server(connection), "hang up on a worker", error);
        return false;
}

static void connection_move(struct connection *connection, struct list *to) {
        list_remove(&connection->link);
        list_append(to, &connection->link);
}

/* From here on the peer has CONNECTION_PATIENCE, however slowly it goes on. */
static void connection_hurry(struct connection *connection, uint64_t now) {
        if (connection->exchange->deadline != 0)
                return;
        connection->exchange->deadline = time_add(now, CONNECTION_PATIENCE);
        connection_move(connection, &connection_server(connection)->hurried);
}

static void connection_rest(struct connection *connection, struct list *where) {
        if (connection->exchange)
                connection->exchange->deadline = 0;
        connection_move(connection, where);
}

static int connection_watch(struct connection *connection, unsigned what) {
        if (connection->watch.what == what)
                return 0;
        if (what == 0) {
                watch_stop(&connection->watch);
                return 0;
        }
        return watch_start(&connection->watch, connection_server(connection)->loop, connection->fd,
                           what, connection_ready);
}

/* Among its user's connections, when it waits for a turn, or rests. */
static void connection_join_user(struct connection *connection, bool rests) {
        connection_step_out(connection);
        if (connection->is_deferred)
                crowd_defer(connection->user, &connection->by_user);
        else if (rests)
                list_append(&connection->user->idle, &connection->by_user);
}

/* While a request waits, and in a stream, that is the peer's leaving. Bytes are heard once, and
 * stay where they are. An error, which it is to leave with something unread, libevent tells to who
 * reads or writes; that there is room to write comes each time that the peer has read. */
static unsigned what_can_come(const struct connection *connection) {
        if (connection->is_deferred)
                return 0;
        return WATCH_CLOSED | WATCH_EDGE | (connection->is_heard ? WATCH_WRITE : WATCH_READ);
}

/* That it waits for its turn is no excuse for who has begun a request, unless it is past its rate.
 */
static bool connection_still_hurries(const struct connection *connection, uint64_t now) {
        return connection->is_deferred && has_unread(connection) &&
               connection->exchange->deadline != 0 &&
               quota_admits_at(&connection->user->quota) <= now;
}

/* Puts CONNECTION where its state belongs; what can come next then. While others have their turn,
 * it is nothing. */
static unsigned connection_place(struct connection *connection, uint64_t now) {
        struct server *server = connection_server(connection);
        bool rests = false;
        unsigned what = WATCH_READ;

        if (has_unsent(connection)) {
                connection_hurry(connection, now);
                what = WATCH_WRITE;
        } else if (connection_still_hurries(connection, now)) {
                what = 0;
        } else if (connection_stays(connection) || connection->is_deferred) {
                connection_rest(connection, &server->parked);
                what = what_can_come(connection);
        } else if (has_unread(connection)) {
                connection_hurry(connection, now);
        } else {
                connection_rest(connection, &server->resting);
                rests = true;
        }
        connection_join_user(connection, rests);
        return what;
}

/* Waits for what comes next. False: it cannot go on. */
static bool connection_settle(struct connection *connection, uint64_t now) {
        unsigned what = connection_place(connection, now);
        int r = 0;

        if (connection_stream(connection))
                buffer_clear(&connection->exchange->in); /* which nobody will read */
        if (connection->exchange && !exchange_pay(connection->exchange, &connection->user->quota))
                return false;
        if (connection_stays(connection) || has_unsent(connection) || has_unread(connection))
                r = connection_keep(connection);
        else if (connection->exchange)
                connection_end(connection);
        if (r == 0)
                r = connection_watch(connection, what);
        return r == 0 || connection_lost(connection, r);
}

/* ---- answers ---- */

static bool passes(int error) {
        return error == EAGAIN || error == EINTR;
}

/* Sends ANSWER, and keeps what the peer does not take. False: the connection is dead. One that
 * could not be written as a whole is not sent. */
static bool send_answer(struct connection *connection, const struct buffer *answer) {
        struct buffer *out = &connection->exchange->out;
        ssize_t sent;

        if (buffer_error(answer) < 0)
                return connection_lost(connection, buffer_error(answer));
        sent = send(connection->fd, answer->data, answer->size, MSG_NOSIGNAL);
        if (sent < 0 && !passes(errno))
                return connection_lost(connection, -errno);
        if (sent < 0)
                sent = 0;
        buffer_append(out, answer->data + sent, answer->size - (size_t)sent);
        return buffer_error(out) == 0 || connection_lost(connection, buffer_error(out));
}

/* The same, and the server's own is wiped: the next one may be hours away, and what is in this one
 * gone. */
static bool connection_send(struct connection *connection, const struct buffer *answer) {
        bool alive = send_answer(connection, answer);

        buffer_clear(&connection_server(connection)->answer);
        return alive;
}

/* Sends what was kept. False: the connection is dead. */
static bool connection_flush(struct connection *connection) {
        struct exchange *exchange = connection->exchange;
        ssize_t sent = send(connection->fd, exchange->out.data, exchange->out.size, MSG_NOSIGNAL);

        if (sent < 0)
                return passes(errno) || connection_lost(connection, -errno);
        buffer_consume(&exchange->out, (size_t)sent);
        if (exchange->out.size == 0)
                exchange->deadline = 0;
        return true;
}

/* ---- requests ---- */

static const struct buffer *refuse(struct server *server, const char *why) {
        struct api_error error = {.status = 400, .error = "invalid_request"};

        strncpy(error.description, why, API_DESCRIPTION_MAX);
        api_error_render(&server->answer, &error, HTTP1_CLOSED);
        return &server->answer;
}

/* A request, or what is none, is taken off what has come in: SIZE bytes. */
struct taken {
        ssize_t size;                  /* as of http1_request_parse() */
        const struct wording *wording; /* it came before, in the same bytes; or NULL, and: */
        struct http1_request http;
        const char *why;
};

static void read_request(const struct server *server, struct slice data, struct taken *ret_taken) {
        const struct wordings *wordings = server->owner.wordings;

        ret_taken->wording = wordings ? wordings_find(wordings, data) : NULL;
        ret_taken->size = ret_taken->wording
                                  ? (ssize_t)data.size
                                  : http1_request_parse(data, &ret_taken->http, &ret_taken->why);
}

/* The answer to what was taken; NULL: it comes later. */
static const struct buffer *answer_to(struct connection *connection, const struct taken *taken,
                                      uint64_t now) {
        struct server *server = connection_server(connection);
        const struct server_owner *owner = &server->owner;

        if (taken->size < 0) {
                connection->keep_alive = HTTP1_CLOSED;
                return refuse(server, taken->why);
        }
        if (taken->wording) {
                connection->keep_alive = taken->wording->keep_alive;
                return owner->asked(owner->user, connection, &taken->wording->meaning,
                                    &server->answer, now);
        }
        connection->keep_alive = taken->http.keep_alive;
        return owner->requested(owner->user, connection, &taken->http, &server->answer, now);
}

/* Takes the first request off DATA. The bytes it took; 0: more must come, or it is not its user's
 * turn; < 0: the connection is dead. */
static ssize_t take_request(struct connection *connection, struct slice data, uint64_t now) {
        const struct server *server = connection_server(connection);
        struct taken taken;
        const struct buffer *answer;

        assert(server->answer.size == 0);
        read_request(server, data, &taken);
        if (taken.size == 0)
                return 0;
        if (!quota_admit(&connection->user->quota, now)) {
                connection->is_deferred = true;
                return 0;
        }
        answer = answer_to(connection, &taken, now);
        connection->waits = !answer;
        if (answer && !connection_send(connection, answer))
                return -EPIPE;
        return taken.size < 0 ? (ssize_t)data.size : taken.size;
}

/* Whether a request may be taken now. */
static bool connection_is_open(const struct connection *connection) {
        return !connection->waits && !connection->is_deferred && !has_unsent(connection) &&
               connection->keep_alive;
}

/* Takes requests off DATA as long as they can be answered at once, and it is their user's turn. The
 * bytes taken, or < 0. */
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
                connection->exchange->deadline = 0;
                connection->is_deferred =
                        taken < data.size && !quota_has_turn(&connection->user->quota);
        }
        return (ssize_t)taken;
}

/* Goes on with what has come in before. */
static bool connection_take(struct connection *connection, uint64_t now) {
        struct buffer *in = &connection->exchange->in;
        ssize_t taken = take_requests(connection, buffer_slice(in), now);

        if (taken < 0)
                return false;
        buffer_consume(in, (size_t)taken);
        return true;
}

/* Takes what it can off DATA, and keeps the rest. False: the connection is dead. */
static bool take_fresh(struct connection *connection, struct slice data, uint64_t now) {
        ssize_t taken = take_requests(connection, data, now);
        struct buffer *in = &connection->exchange->in;

        if (taken < 0)
                return false;
        quota_use_turn(&connection->user->quota, data.size - (size_t)taken);
        buffer_append(in, data.data + taken, data.size - (size_t)taken);
        return buffer_error(in) == 0 || connection_lost(connection, buffer_error(in));
}

static ssize_t connection_read(const struct connection *connection, void *data, size_t size) {
        return connection->has_rights ? rights_read(connection->fd, data, size)
                                      : read(connection->fd, data, size);
}

/* No bytes, for ERROR, which is an errno. False: the connection is dead. */
static bool read_failed(struct connection *connection, int error) {
        if (error == EBADMSG) {
                connection->keep_alive = HTTP1_CLOSED;
                return connection_send(connection, refuse(connection_server(connection),
                                                          "descriptors are not taken"));
        }
        return passes(error) || connection_lost(connection, -error);
}

/* Reads what there is into the server's scratch: most often that is one request, whole. Wiped, for
 * workers that made token requests themselves before may still send the client's credentials. */
static bool read_fresh(struct connection *connection, uint64_t now) {
        struct server *server = connection_server(connection);
        ssize_t size = connection_read(connection, server->scratch, sizeof server->scratch);
        bool alive;

        if (size < 0)
                return read_failed(connection, errno);
        if (size == 0) {
                connection->ended = true;
                return true;
        }
        alive = take_fresh(connection, (struct slice){server->scratch, (size_t)size}, now);
        explicit_bzero(server->scratch, (size_t)size);
        return alive;
}

/* Reads more of a request that has begun. */
static bool read_more(struct connection *connection, uint64_t now) {
        struct buffer *in = &connection->exchange->in;
        size_t room = in->limit - in->size;
        ssize_t size;

        if (room > CONNECTION_READ)
                room = CONNECTION_READ;
        if (buffer_reserve(in, room) < 0)
                return connection_lost(connection, buffer_error(in));
        size = connection_read(connection, in->data + in->size, room);
        if (size < 0)
                return read_failed(connection, errno);
        if (size == 0) {
                connection->ended = true;
                return true;
        }
        buffer_added(in, (size_t)size);
        if (!connection_take(connection, now))
                return false;
        quota_use_turn(&connection->user->quota, in->size < (size_t)size ? in->size : (size_t)size);
        return true;
}

/* The peer has hung up; or cannot be looked at, and is hung up on. */
static bool connection_is_left(const struct connection *connection) {
        int r = peer_has_gone(connection->fd);

        if (r < 0)
                server_strained(connection_server(connection), "hang up on a worker", r);
        return r != 0;
}

/* Whether all is said that will ever be. */
static bool connection_is_over(const struct connection *connection) {
        if (connection_stays(connection) || connection->is_deferred || has_unsent(connection))
                return false;
        return connection->ended || !connection->keep_alive;
}

/* Tells the owner of a stream if the peer has taken all so far. */
static void stream_advance(const struct connection *connection, uint64_t now) {
        const struct server_owner *owner = &connection_server(connection)->owner;

        if (connection_stream(connection) && !has_unsent(connection))
                owner->taken(owner->user, connection, now);
}

static void connection_advance(struct connection *connection, bool alive, uint64_t now) {
        if (!alive || connection_is_over(connection) || !connection_settle(connection, now))
                connection_close(connection);
}

/* What there is to be done: what has come in is looked at last. */
static void connection_work(struct connection *connection, uint64_t now) {
        const struct exchange *exchange = connection_begin(connection);
        bool alive;

        if (exchange->out.size > 0) {
                alive = connection_flush(connection);
                if (alive && connection_is_open(connection))
                        alive = connection_take(connection, now);
                else if (alive)
                        stream_advance(connection, now);
        } else if (connection_stays(connection)) {
                connection->is_heard = true;
                alive = !connection_is_left(connection);
        } else if (exchange->in.size > 0) {
                alive = read_more(connection, now);
        } else {
                alive = read_fresh(connection, now);
        }
        connection_advance(connection, alive, now);
}

/* Many may hang up at once, and that waits for its user's turn like all else. Who stays has nothing
 * else that could wait: bytes that have come would only be found again. */
static void connection_postpone(struct connection *connection, uint64_t now) {
        connection->is_heard = connection_stays(connection);
        connection->is_deferred = !connection->is_heard || connection_is_left(connection);
        connection_advance(connection, true, now);
}

static void connection_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct connection *connection = CONTAINER_OF(watch, struct connection, watch);

        if (has_unsent(connection) || quota_has_turn(&connection->user->quota))
                connection_work(connection, now);
        else
                connection_postpone(connection, now);
}

/* Requests that are here already come before what is still to be read. Who has none goes on with
 * that in the same turn: it would not come to it in the next one, where others are before it. */
static bool connection_take_or_read(struct connection *connection, uint64_t now) {
        size_t had = connection->exchange->in.size;

        if (!connection_take(connection, now))
                return false;
        if (connection->exchange->in.size < had || !connection_is_open(connection))
                return true;
        return read_more(connection, now);
}

void connection_go_on(struct list *by_user, uint64_t now) {
        struct connection *connection = CONTAINER_OF(by_user, struct connection, by_user);

        connection_step_out(connection);
        connection->is_deferred = false;
        if (connection_is_left(connection))
                connection_close(connection);
        else if (has_unread(connection) && connection_is_open(connection))
                connection_advance(connection, connection_take_or_read(connection, now), now);
        else
                connection_work(connection, now);
}

void connection_answer(struct connection *connection, const struct buffer *answer, uint64_t now) {
        bool alive;

        assert(connection->waits);
        connection->waits = false;
        connection->is_heard = false;
        alive = connection_send(connection, answer);
        if (alive && connection_is_open(connection))
                alive = connection_take(connection, now);
        connection_advance(connection, alive, now);
}

/* The peer may not even have taken the head of the answer. */
void connection_send_more(struct connection *connection, const struct buffer *more, uint64_t now) {
        struct buffer *out = &connection->exchange->out;
        bool alive = true;

        assert(connection_stream(connection));
        if (out->size == 0) {
                alive = connection_send(connection, more);
        } else {
                buffer_append_slice(out, buffer_slice(more));
                buffer_clear(&connection_server(connection)->answer);
        }
        if (alive)
                stream_advance(connection, now);
        connection_advance(connection, alive, now);
}

/* ---- beginning and end ---- */

void connection_take_last(struct connection *connection, size_t *more_reads, uint64_t now) {
        bool is_first = true, alive = true;

        connection_begin(connection);
        while (alive && connection_is_open(connection) && !connection->ended &&
               peer_has_sent(connection->fd) && (is_first || *more_reads > 0)) {
                *more_reads -= !is_first;
                is_first = false;
                quota_next_turn(connection->user->quota.quota);
                alive = has_unread(connection) ? read_more(connection, now)
                                               : read_fresh(connection, now);
        }
        connection_close(connection);
}

/* Who has left already has no place in the line: of those there can be more and more. */
void connection_start(struct connection *connection, uint64_t now) {
        connection->is_deferred = !quota_has_turn(&connection->user->quota);
        if (connection->is_deferred)
                connection_advance(connection, !connection_is_left(connection), now);
        else
                connection_work(connection, now);
}

/* ---- who asks ---- */

int connection_seek_unit(struct connection *connection) {
        int r;

        if (connection->unit_is_sought)
                return 0;
        r = peer_find_unit(connection->fd, &connection->peer);
        connection->unit_is_sought = r == 0;
        return r;
}

struct connection *connection_of(struct request *request) {
        struct connection *connection = CONTAINER_OF(request, struct exchange, request)->connection;

        assert(connection_server(connection) == request->owner);
        return connection;
}
