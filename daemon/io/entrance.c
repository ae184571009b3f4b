/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/socket.h>

#include "io/admission.h"
#include "io/entrance.h"
#include "io/journal.h"
#include "io/server.h"

/* Connections taken in one go, before others get their turn; and after so many goes with one each.
 * To look in vain for another one costs a tenth of all that a connection does. */
#define ACCEPTS_AT_ONCE 64u
#define ACCEPTS_ALONE   16u

/* ---- the queue ---- */

/* listen(2) on a socket that listens does nothing else. It also makes us the peer that workers see
 * there, where before that was who made the socket. */
static void entrance_make_room(const struct entrance *entrance) {
        if (listen(entrance->fd, rush_room(&entrance->rush)) < 0)
                server_strained(entrance->server, "cannot change how many workers can wait",
                                -errno);
}

static void entrance_rush(struct entrance *entrance) {
        uid_t uid = (uid_t)-1;

        entrance_make_room(entrance);
        journal_rush(rush_is_of(&entrance->rush, &uid) ? &uid : NULL, rush_room(&entrance->rush));
}

uint64_t entrance_deadline(const struct entrance *entrance) {
        return rush_deadline(&entrance->rush);
}

void entrance_expired(struct entrance *entrance, uint64_t now) {
        if (rush_ends(&entrance->rush, now))
                entrance_make_room(entrance);
}

/* ---- accepting ---- */

/* What passes at once is tried again at once. Where descriptors or memory have run out, which
 * accept(2) says though nobody is there, room is made, if IS_WANTED: somebody is known to come in.
 * After all else it rests, for it would fail again and again. */
static void accept_failed(struct entrance *entrance, int error, bool is_wanted, uint64_t now) {
        struct server *server = entrance->server;

        switch (-error) {
        case EAGAIN:
                rush_pauses(&entrance->rush);
                return;
        case EINTR:
        case ECONNABORTED:
                return;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
                if (!is_wanted || server_make_room(server))
                        return;
        }
        server_strained(server, "cannot accept workers, who have to wait", error);
        server_rest(server, now);
}

/* Whether there is a place for one more. Only at FIRST is it known that somebody wants it. */
static bool has_place(struct server *server, bool first, uint64_t now) {
        if (server->crowd.quota.taken[QUOTA_CONNECTIONS] < server->n_max)
                return true;
        if (!first)
                return false;
        if (server_make_room(server))
                return true;
        server_rest(server, now);
        return false;
}

static void entrance_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct entrance *entrance = CONTAINER_OF(watch, struct entrance, watch);
        struct server *server = entrance->server;
        unsigned most = entrance->rush.n < ACCEPTS_ALONE ? 1 : ACCEPTS_AT_ONCE;

        for (unsigned i = 0; i < most && has_place(server, i == 0, now); i++) {
                int fd = accept4(entrance->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd < 0) {
                        accept_failed(entrance, -errno, i == 0, now);
                        return;
                }
                server->n_accepted++;
                if (rush_comes(&entrance->rush, admission_open(server, fd, now), now))
                        entrance_rush(entrance);
        }
}

/* ---- the entrance ---- */

void entrance_init(struct entrance *entrance, struct server *server, int fd) {
        *entrance = (struct entrance){.server = server, .fd = fd};
        entrance_make_room(entrance);
}

void entrance_deinit(struct entrance *entrance) {
        entrance_close(entrance);
        if (entrance_deadline(entrance) == NEVER)
                return;
        entrance->rush = (struct rush){0};
        entrance_make_room(entrance);
}

int entrance_open(struct entrance *entrance) {
        return watch_start(&entrance->watch, entrance->server->loop, entrance->fd, WATCH_READ,
                           entrance_ready);
}

void entrance_close(struct entrance *entrance) {
        watch_stop(&entrance->watch);
}
