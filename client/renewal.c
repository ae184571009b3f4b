/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "client/address.h"
#include "client/renewal.h"
#include "client/watch.h"

/* Between two tries to get a token that was told of. */
#define RETRY NSEC_PER_SEC

struct renewal {
        struct bearer *bearer;
        struct watch *watch;
        uint64_t generation;
        int epoll, timer;
        bool is_due; /* a newer one was told of, and is still to be had */
        int trouble; /* what is in the way; 0: nothing */
};

static int add(const struct renewal *renewal, int fd) {
        struct epoll_event event = {.events = EPOLLIN};

        return epoll_ctl(renewal->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_descriptors(struct renewal *renewal) {
        int r;

        renewal->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (renewal->timer < 0)
                return -errno;
        renewal->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (renewal->epoll < 0)
                return -errno;
        r = add(renewal, renewal->timer);
        return r < 0 ? r : add(renewal, renewal->watch->epoll);
}

int renewal_new(const char *socket, struct bearer *bearer, const struct bearer_token *token,
                struct renewal **ret_renewal) {
        _cleanup_(cleanup_renewal) struct renewal *renewal = calloc(1, sizeof *renewal);
        struct sockaddr_un address;
        int r;

        if (!renewal)
                return -ENOMEM;
        renewal->epoll = renewal->timer = -1;
        renewal->bearer = bearer;
        renewal->generation = bearer_token_generation(token);
        r = address_resolve(socket, &address);
        if (r == 0)
                r = watch_new(&address, bearer_token_name(token), &renewal->watch);
        if (r == 0)
                r = open_descriptors(renewal);
        if (r < 0)
                return r;
        *ret_renewal = renewal;
        renewal = NULL; /* consumed */
        return 0;
}

struct renewal *renewal_free(struct renewal *renewal) {
        if (!renewal)
                return NULL;
        cleanup_close(&renewal->epoll);
        cleanup_close(&renewal->timer);
        watch_free(renewal->watch);
        free(renewal);
        return NULL;
}

int renewal_fd(const struct renewal *renewal) {
        return renewal->epoll;
}

/* While events come, nothing is in the way. */
static void follow(struct renewal *renewal) {
        struct event event;
        int r = watch_dispatch(renewal->watch, &event);

        if (r != 0) {
                renewal->trouble = r;
                return;
        }
        if (renewal->watch->state == WATCH_FOLLOWS && !renewal->is_due)
                renewal->trouble = 0;
        switch (event.kind) {
        case EVENT_IS_NONE:
                return;
        case EVENT_IS_TOKEN:
                renewal->is_due = event.generation > renewal->generation;
                return;
        case EVENT_IS_GONE:
                renewal->generation = 0; /* the same one may be granted again */
                renewal->is_due = false;
                renewal->trouble = BEARER_E_UNAVAILABLE;
                return;
        }
}

/* Gets what is due. The watch does not tell of it again: what fails is tried again by the timer. */
static struct bearer_token *get(struct renewal *renewal) {
        struct itimerspec retry = {.it_value = clock_timespec(RETRY)};
        struct bearer_token *token;

        renewal->trouble = bearer_get(renewal->bearer, renewal->watch->name, 0, &token);
        if (renewal->trouble != 0) {
                timerfd_settime(renewal->timer, 0, &retry, NULL);
                return NULL;
        }
        renewal->is_due = false;
        if (bearer_token_generation(token) > renewal->generation) {
                renewal->generation = bearer_token_generation(token);
                return token;
        }
        bearer_token_unref(token);
        return NULL;
}

int renewal_take(struct renewal *renewal, struct bearer_token **ret_token) {
        uint64_t expirations;

        *ret_token = NULL;
        if (read(renewal->timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
                return -errno;
        follow(renewal);
        if (renewal->is_due)
                *ret_token = get(renewal);
        return renewal->trouble;
}
