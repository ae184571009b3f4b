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
        return !connection->exchange && !connection_has_bytes(connection);
}

/* Closes the first of CONNECTIONS, which are by_user, that is blank. */
static bool close_blank(struct list *connections) {
        unsigned tries = 0;

        LIST_FOREACH(link, connections) {
                struct connection *connection = CONTAINER_OF(link, struct connection, by_user);

                if (is_blank(connection)) {
                        connection_close(connection);
                        return true;
                }
                if (++tries == ROOM_TRIES)
                        break;
        }
        return false;
}

/* Closes one of USER's that has been idle for long, or else one that is to be idle, but came in a
 * turn in which so many did that it was not yet looked at. */
static bool make_room(struct crowd_user *user) {
        return close_blank(&user->idle) || close_blank(&user->deferred);
}

static bool take_place(struct crowd_user *user) {
        return quota_take(&user->quota, QUOTA_CONNECTIONS, 1) ||
               (make_room(user) && quota_take(&user->quota, QUOTA_CONNECTIONS, 1));
}

/* There is no connection yet that could answer. */
static void turn_away(struct server *server, int fd, const struct peer *peer, uint64_t now) {
        struct api_error error = {
                .status = 429,
                .error = "too_many_requests",
                .description = "this user has too many connections",
                .retry_after = 1,
        };

        server->n_turned_away++;
        if (server->owner.turned_away)
                server->owner.turned_away(server->owner.user, fd, peer, now);
        api_error_render(&server->answer, &error, HTTP1_CLOSED);
        if (buffer_error(&server->answer) == 0)
                (void)send(fd, server->answer.data, server->answer.size, MSG_NOSIGNAL);
        buffer_clear(&server->answer);
}

/* 0; -EUSERS: its user has too many, and was told so; or another -errno. */
static int admit(struct server *server, int fd, uint64_t now, uid_t *ret_uid,
                 struct connection **ret_connection) {
        struct peer peer;
        struct crowd_user *user;
        struct connection *connection;
        int r = peer_read(fd, &peer);

        if (r < 0)
                return r;
        *ret_uid = peer.uid;
        user = crowd_join(&server->crowd, peer.uid, now);
        connection = user ? calloc(1, sizeof *connection) : NULL;
        if (!connection || !take_place(user)) {
                if (connection)
                        turn_away(server, fd, &peer, now);
                if (user)
                        crowd_leave(user);
                peer_deinit(&peer);
                free(connection);
                return connection ? -EUSERS : -ENOMEM;
        }
        *connection = (struct connection){
                .user = user, .fd = fd, .keep_alive = HTTP1_KEPT, .peer = peer, /* consumed */
        };
        peer_share_groups(&connection->peer, &user->groups);
        *ret_connection = connection;
        return 0;
}

uid_t admission_open(struct server *server, int fd, bool has_rights, uint64_t now) {
        struct connection *connection;
        uid_t uid = (uid_t)-1;
        int r = admit(server, fd, now, &uid, &connection);

        if (r == 0) {
                connection->has_rights = has_rights;
                connection_start(connection, now);
                return uid;
        }
        if (r != -EUSERS)
                server_strained(server, "hang up on a worker", r);
        server_hang_up(server, fd, has_rights);
        return uid;
}
