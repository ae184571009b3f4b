/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/credential.h"
#include "io/journal.h"
#include "io/peer.h"

/* How long accept(2) rests when descriptors have run out. */
#define ACCEPT_REST (100 * NSEC_PER_MSEC)
/* How long a refusal rests that could not be sent on, though it would be taken. */
#define PUSH_REST (10 * NSEC_PER_MSEC)

/* What refusals are made of, over and over. No token has a NUL in it: should one be cut off, what
 * is left of it passes for none. */
static const char filler[16384];

/* ---- an asker's life ---- */

static struct credential_asker *asker_new(struct credential_socket *socket, int fd) {
        struct list *link = list_first(&socket->unused);
        struct credential_asker *asker;

        assert(link);
        asker = CONTAINER_OF(link, struct credential_asker, link);
        list_remove(link);
        *asker = (struct credential_asker){
                .socket = socket,
                .fd = fd,
                .peer = {.unit = asker->address.unit, .is_unit = true},
                .request = {.owner = socket},
        };
        list_append(&socket->waiting, &asker->link);
        return asker;
}

static void asker_close(struct credential_asker *asker) {
        struct credential_socket *socket = asker->socket;

        /* There is room again. */
        if (list_is_empty(&socket->unused))
                socket->resume_at = 0;
        watch_stop(&asker->watch);
        close(asker->fd);
        list_remove(&asker->link);
        list_append(&socket->unused, &asker->link);
}

static bool asker_waits(const struct credential_asker *asker) {
        return asker->to_send == 0;
}

static void asker_ready(struct watch *watch, unsigned what, uint64_t now);

static void push_later(struct credential_socket *socket) {
        socket->push_at = time_min(socket->push_at, time_add(clock_now(), PUSH_REST));
}

/* Sends what is taken. 0: that was all, or nobody takes any more; else -errno. */
static int send_refusal(struct credential_asker *asker) {
        while (asker->to_send > 0) {
                size_t size = asker->to_send < sizeof filler ? asker->to_send : sizeof filler;
                ssize_t sent = send(asker->fd, filler, size, MSG_NOSIGNAL);

                if (sent < 0)
                        return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
                asker->to_send -= (size_t)sent;
        }
        return 0;
}

/* Cut off, it would be a credential: where the system refuses to send or to watch, it is tried
 * again a little later. Consumes ASKER, perhaps. */
static void push_refusal(struct credential_asker *asker) {
        int r = send_refusal(asker);

        if (r == 0) {
                asker_close(asker);
                return;
        }
        if (r == -EAGAIN)
                r = asker->watch.what == WATCH_WRITE
                            ? 0
                            : watch_start(&asker->watch, asker->socket->loop, asker->fd,
                                          WATCH_WRITE, asker_ready);
        if (r < 0) {
                watch_stop(&asker->watch);
                push_later(asker->socket);
        }
}

static void asker_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct credential_asker *asker = CONTAINER_OF(watch, struct credential_asker, watch);

        if (asker_waits(asker)) {
                if (peer_has_gone(asker->fd) == 0)
                        return;
                asker->socket->owner.left(asker->socket->owner.user, asker);
                asker_close(asker);
        } else {
                push_refusal(asker);
        }
}

/* ---- answers ---- */

/* A token fits into the buffer of a new socket; what is taken in part must not pass for one. */
bool credential_give(struct credential_asker *asker, struct slice token) {
        ssize_t sent = send(asker->fd, token.data, token.size, MSG_NOSIGNAL);

        if (sent < 0 || (size_t)sent < token.size)
                return false;
        asker_close(asker);
        return true;
}

void credential_refuse(struct credential_asker *asker, uint64_t now) {
        struct credential_socket *socket = asker->socket;

        asker->to_send = CREDENTIAL_REFUSAL_SIZE;
        asker->deadline = time_add(now, CREDENTIAL_PATIENCE);
        list_remove(&asker->link);
        list_append(&socket->refused, &asker->link);
        push_refusal(asker);
}

/* ---- accepting ---- */

static void accept_ready(struct watch *watch, unsigned what, uint64_t now);

static void accept_pause(struct credential_socket *socket, uint64_t until) {
        watch_stop(&socket->watch);
        socket->resume_at = until;
}

static void accept_resume(struct credential_socket *socket, uint64_t now) {
        socket->resume_at = NEVER;
        if (watch_start(&socket->watch, socket->loop, socket->fd, WATCH_READ, accept_ready) < 0)
                accept_pause(socket, time_add(now, ACCEPT_REST));
}

/* 0; -EPERM: somebody else; else it cannot be told. */
static int check_root(int fd) {
        struct ucred credentials;
        socklen_t size = sizeof credentials;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        return credentials.uid == 0 ? 0 : -EPERM;
}

/* Who is not root could bind to any address: only root's is believed. */
static int read_address(int fd, struct credential_address *ret_address) {
        struct sockaddr_un address;
        socklen_t size = sizeof address;
        size_t head = offsetof(struct sockaddr_un, sun_path);

        if (getpeername(fd, (struct sockaddr *)&address, &size) < 0)
                return -errno;
        if (size < head || size > sizeof address)
                return -EINVAL;
        return credential_address_parse((struct slice){address.sun_path, size - head}, ret_address);
}

/* Nothing said would be an empty credential. */
static void refuse_unknown(struct credential_asker *asker, int error, uint64_t now) {
        if (error == -EINVAL)
                journal_credential_without_unit();
        else
                journal_strained("cannot tell who asks for a credential, and refuse it", error);
        credential_refuse(asker, now);
}

/* That it leaves before it has its answer is to be known, but it does no harm if it is not. */
static void asker_open(struct credential_socket *socket, int fd, uint64_t now) {
        struct credential_asker *asker;
        int r = check_root(fd);

        if (r == -EPERM) {
                close(fd);
                return;
        }
        asker = asker_new(socket, fd);
        (void)watch_start(&asker->watch, socket->loop, fd, WATCH_READ | WATCH_CLOSED | WATCH_EDGE,
                          asker_ready);
        if (r == 0)
                r = read_address(fd, &asker->address);
        if (r == 0)
                socket->owner.asked(socket->owner.user, asker, now);
        else
                refuse_unknown(asker, r, now);
}

/* What passes at once is tried again at once; after all else accept(2) rests, for it would fail
 * again and again. */
static void accept_failed(struct credential_socket *socket, int error, uint64_t now) {
        if (error == -EAGAIN || error == -EINTR || error == -ECONNABORTED)
                return;
        if (socket->told_until <= now) {
                journal_strained("cannot accept who asks for a credential", error);
                socket->told_until = time_add(now, JOURNAL_STRAINED_REST);
        }
        accept_pause(socket, time_add(now, ACCEPT_REST));
}

static void accept_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct credential_socket *socket = CONTAINER_OF(watch, struct credential_socket, watch);

        while (!list_is_empty(&socket->unused)) {
                int fd = accept4(socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd < 0) {
                        accept_failed(socket, -errno, now);
                        return;
                }
                asker_open(socket, fd, now);
        }
        accept_pause(socket, NEVER);
}

/* ---- the socket ---- */

int credential_socket_start(struct credential_socket *socket, struct loop *loop, int fd,
                            const struct credential_owner *owner) {
        *socket = (struct credential_socket){
                .owner = *owner,
                .loop = loop,
                .fd = fd,
                .resume_at = NEVER,
                .push_at = NEVER,
        };
        list_init(&socket->unused);
        list_init(&socket->waiting);
        list_init(&socket->refused);
        for (size_t i = 0; i < CREDENTIAL_ASKERS_MAX; i++)
                list_append(&socket->unused, &socket->askers[i].link);
        return fd < 0 ? 0 : watch_start(&socket->watch, loop, fd, WATCH_READ, accept_ready);
}

struct credential_asker *credential_socket_first(const struct credential_socket *socket) {
        struct list *link = list_first(&socket->waiting);

        return link ? CONTAINER_OF(link, struct credential_asker, link) : NULL;
}

/* Sends on to whom it can. */
static void push_all(struct credential_socket *socket) {
        socket->push_at = NEVER;
        LIST_FOREACH_SAFE(link, following, &socket->refused)
                push_refusal(CONTAINER_OF(link, struct credential_asker, link));
}

/* The same, as soon as somebody takes a part; after a while, where the system refuses. */
static void wait_and_push(struct credential_socket *socket, uint64_t timeout) {
        struct pollfd fds[CREDENTIAL_ASKERS_MAX];
        nfds_t n = 0;

        LIST_FOREACH(link, &socket->refused)
                fds[n++] = (struct pollfd){
                        .fd = CONTAINER_OF(link, struct credential_asker, link)->fd,
                        .events = POLLOUT,
                };
        if (poll(fds, n, (int)(timeout / NSEC_PER_MSEC)) < 0)
                push_later(socket);
        if (socket->push_at != NEVER)
                poll(NULL, 0, PUSH_REST / NSEC_PER_MSEC);
        push_all(socket);
}

/* Those whose time was up at UNTIL. */
static void close_refused(struct credential_socket *socket, uint64_t until) {
        struct list *link;

        while ((link = list_first(&socket->refused))) {
                struct credential_asker *asker = CONTAINER_OF(link, struct credential_asker, link);

                if (asker->deadline > until)
                        break;
                asker_close(asker);
        }
}

void credential_socket_stop(struct credential_socket *socket) {
        uint64_t now = clock_now(), end = time_add(now, CREDENTIAL_PATIENCE);

        assert(list_is_empty(&socket->waiting));
        watch_stop(&socket->watch);
        for (; !list_is_empty(&socket->refused) && now < end; now = clock_now())
                wait_and_push(socket, end - now);
        close_refused(socket, NEVER);
}

uint64_t credential_socket_deadline(const struct credential_socket *socket) {
        struct list *link = list_first(&socket->refused);
        uint64_t first = link ? CONTAINER_OF(link, struct credential_asker, link)->deadline : NEVER;

        return time_min(time_min(first, socket->resume_at), socket->push_at);
}

void credential_socket_expired(struct credential_socket *socket, uint64_t now) {
        close_refused(socket, now);
        if (socket->push_at <= now)
                push_all(socket);
        if (socket->resume_at <= now)
                accept_resume(socket, now);
}

struct credential_asker *credential_asker_of(struct request *request) {
        struct credential_asker *asker = CONTAINER_OF(request, struct credential_asker, request);

        assert(asker->socket == request->owner);
        return asker;
}
