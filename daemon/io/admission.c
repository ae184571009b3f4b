/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/admission.h"
#include "io/connection.h"
#include "io/peer.h"

/* So many connections of a user are looked at for one that may be closed. */
#define ROOM_TRIES 8

/* Nothing has come on it that would be lost. */
static bool is_blank(const struct connection *connection) {
        return !connection->exchange && !peer_has_sent(connection->fd);
}

/* One that has left something unread would keep its place for now. */
static bool is_dead(const struct connection *connection) {
        return peer_has_gone(connection->fd) > 0 && !peer_has_sent(connection->fd);
}

/* Closes the first of CONNECTIONS, which are by_user, that IS_ONE. */
static bool close_one(struct list *connections, bool (*is_one)(const struct connection *)) {
        unsigned tries = 0;

        LIST_FOREACH(link, connections) {
                struct connection *connection = CONTAINER_OF(link, struct connection, by_user);

                if (is_one(connection)) {
                        connection_close(connection);
                        return true;
                }
                if (++tries == ROOM_TRIES)
                        break;
        }
        return false;
}

/* Closes one of USER's: where the peer has hung up, and that waits for its turn; or that has been
 * idle for long; or that is to be, but came in a turn in which so many did that it was not yet
 * looked at. */
static bool make_room(struct crowd_user *user) {
        return close_one(&user->deferred, is_dead) || close_one(&user->idle, is_blank) ||
               close_one(&user->deferred, is_blank);
}

static bool take_place(struct crowd_user *user) {
        return quota_take(&user->quota, QUOTA_CONNECTIONS, 1) ||
               (make_room(user) && quota_take(&user->quota, QUOTA_CONNECTIONS, 1));
}

/* CONNECTION, which it consumes, is nobody's, and cannot answer. */
static void turn_away(struct server *server, struct connection *connection, const struct peer *peer,
                      uint64_t now) {
        struct api_error error = {
                .status = 429,
                .error = "too_many_requests",
                .description = "this user has too many connections",
                .retry_after = 1,
        };

        server->n_turned_away++;
        if (server->owner.turned_away)
                server->owner.turned_away(server->owner.user, connection->fd, peer, now);
        api_error_render(&server->answer, &error, HTTP1_CLOSED);
        if (buffer_error(&server->answer) == 0)
                (void)send(connection->fd, server->answer.data, server->answer.size, MSG_NOSIGNAL);
        buffer_clear(&server->answer);
        connection_depart(server, connection);
}

/* CONNECTION, which it consumes, is nobody's. */
static void hang_up(struct server *server, struct connection *connection, int error) {
        server_strained(server, "hang up on a worker", error);
        connection_depart(server, connection);
}

/* CONNECTION, which it consumes, is of PEER, which it consumes, too. */
static void admit(struct server *server, struct connection *connection, struct peer *peer,
                  uint64_t now) {
        struct crowd_user *user = crowd_join(&server->crowd, peer->uid, now);

        if (user && take_place(user)) {
                crowd_stay(user);
                connection->user = user;
                connection->peer = *peer;
                peer_share_groups(&connection->peer, &user->groups);
                connection_start(connection, now);
                return;
        }
        if (user) {
                turn_away(server, connection, peer, now);
                crowd_leave(user);
        } else {
                hang_up(server, connection, -ENOMEM);
        }
        peer_deinit(peer);
}

int admission_prepare(struct server *server) {
        if (!server->newcomer)
                server->newcomer = calloc(1, sizeof *server->newcomer);
        return server->newcomer ? 0 : -ENOMEM;
}

uid_t admission_open(struct server *server, int fd, bool has_rights, uint64_t now) {
        struct connection *connection = server->newcomer;
        struct peer peer;
        uid_t uid;
        int r;

        server->newcomer = NULL;
        *connection =
                (struct connection){.fd = fd, .has_rights = has_rights, .keep_alive = HTTP1_KEPT};
        r = peer_read(fd, &peer);
        if (r < 0) {
                hang_up(server, connection, r);
                return (uid_t)-1;
        }
        uid = peer.uid;
        admit(server, connection, &peer, now);
        return uid;
}
