/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "io/admission.h"
#include "io/entrance.h"
#include "io/journal.h"
#include "io/rights.h"
#include "io/server.h"

/* After so many goes with one connection each they are of RUSH_GO, before others get their turn. To
 * look in vain for another one costs a tenth of all that a connection does. Where others take their
 * turns anyhow, that is next to nothing, and from one go to the next it is long. */
#define GOES_ALONE 16u

/* ---- the queue ---- */

/* What listen(2) does to a socket that listens already. The kernel lets one more wait. For
 * connections from then on it also makes us the peer that workers see there (SO_PEERCRED). */
static void entrance_set_room(const struct entrance *entrance) {
        if (listen(entrance->fd, rush_room(&entrance->rush)) < 0)
                server_strained(entrance->server, "cannot change how many workers can wait",
                                -errno);
}

static void entrance_rush(struct entrance *entrance) {
        uid_t uid = (uid_t)-1;

        entrance_set_room(entrance);
        journal_rush(rush_is_of(&entrance->rush, &uid) ? &uid : NULL, rush_room(&entrance->rush));
}

void entrance_expired(struct entrance *entrance, uint64_t now) {
        if (rush_ends(&entrance->rush, now))
                entrance_set_room(entrance);
}

/* ---- accepting ---- */

/* What passes at once is tried again at once. Where descriptors or memory have run out, which
 * accept(2) says though nobody is there, room is made, if IS_WANTED: somebody is known to come in.
 * After all else it rests, for it would fail again and again. */
static void accept_failed(struct entrance *entrance, int error, bool is_wanted, uint64_t now) {
        struct server *server = entrance->server;

        switch (-error) {
        case EAGAIN:
                entrance->goes = 0;
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

/* Not too many have departed who are charged to nobody. */
static bool is_paid_for(struct server *server, uint64_t now) {
        return server->departures.n_unpaid <= server->n_max / DEPARTURES_UNPAID ||
               server_close_departures(server, now);
}

/* Whether there is a place for one more. Only at FIRST is it known that somebody wants it. */
static bool has_place(struct server *server, bool first, uint64_t now) {
        if (is_paid_for(server, now)) {
                if (server->crowd.quota.taken[QUOTA_CONNECTIONS] + server->departures.n_unpaid <
                    server->n_max)
                        return true;
                if (!first)
                        return false;
                if (server_make_room(server))
                        return true;
        }
        server_rest(server, now);
        return false;
}

/* The descriptor, or -errno. */
static int accept_one(struct entrance *entrance) {
        int r = admission_prepare(entrance->server), fd;

        if (r < 0)
                return r;
        fd = accept4(entrance->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* One comes in. False: nobody does, or can. */
static bool entrance_accept(struct entrance *entrance, bool first, uint64_t now) {
        struct server *server = entrance->server;
        uid_t uid;
        int fd;

        if (!has_place(server, first, now))
                return false;
        fd = accept_one(entrance);
        if (fd < 0) {
                accept_failed(entrance, fd, first, now);
                return false;
        }
        server->n_accepted++;
        if (entrance->has_rights)
                rights_expect(fd);
        uid = admission_open(server, fd, entrance->has_rights, now);
        if (uid != (uid_t)-1)
                rush_comes(&entrance->rush, uid);
        return true;
}

static bool somebody_waits(const struct entrance *entrance) {
        struct pollfd poll_fd = {.fd = entrance->fd, .events = POLLIN};

        return poll(&poll_fd, 1, 0) != 0;
}

/* Who waits may have connected when the kernel was not yet told to refuse rights. Until nobody
 * does: who comes then has been refused. */
static void entrance_look_for_rights(struct entrance *entrance) {
        entrance->has_rights = !entrance->refuses_rights || somebody_waits(entrance);
}

/* Of the next go. */
static unsigned entrance_most(struct entrance *entrance) {
        bool is_calm = list_is_empty(&entrance->server->crowd.line);

        return entrance->goes++ < GOES_ALONE && is_calm ? 1 : RUSH_GO;
}

static void entrance_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct entrance *entrance = CONTAINER_OF(watch, struct entrance, watch);
        unsigned most = entrance_most(entrance), n = 0;

        while (n < most && entrance_accept(entrance, n == 0, now))
                n++;
        if (entrance->has_rights)
                entrance_look_for_rights(entrance);
        if (n == RUSH_GO && rush_presses(&entrance->rush, now))
                entrance_rush(entrance);
}

/* ---- the entrance ---- */

void entrance_init(struct entrance *entrance, struct server *server, int fd) {
        *entrance = (struct entrance){
                .server = server,
                .fd = fd,
                .refuses_rights = rights_refuse(fd),
        };
        entrance_set_room(entrance); /* after listen(2), who then connects is refused */
        entrance_look_for_rights(entrance);
}

void entrance_deinit(struct entrance *entrance) {
        entrance_close(entrance);
        if (entrance_deadline(entrance) == NEVER)
                return;
        entrance->rush = (struct rush){0};
        entrance_set_room(entrance);
}

int entrance_open(struct entrance *entrance) {
        return watch_start(&entrance->watch, entrance->server->loop, entrance->fd, WATCH_READ,
                           entrance_ready);
}

void entrance_close(struct entrance *entrance) {
        watch_stop(&entrance->watch);
}
