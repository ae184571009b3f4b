/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "bearer.h"
#include "client/result.h"
#include "client/watch.h"
#include "wire/events.h"
#include "wire/http1.h"

/* Room for what bearerd says before the events, and for its longest refusal. */
#define IN_MAX      ((size_t)16384)
#define REQUEST_MAX ((size_t)256)
#define READ_SIZE   ((size_t)4096)
/* Read in one step at most; the rest in the next one. */
#define READS_AT_ONCE 16
/* How long bearerd may take to answer: it may be starting. */
#define ANSWER_TIME (30 * NSEC_PER_SEC)
/* After a hang-up, a socket that is missing or refuses is one that bearerd is about to make. */
#define PATIENCE (2 * NSEC_PER_SEC)
/* Tries are so far apart, doubling, where bearerd cannot be reached ... */
#define RETRY_FIRST (20 * NSEC_PER_MSEC)
#define RETRY_LAST  (10 * NSEC_PER_SEC)
/* ... and where it refuses. */
#define REFUSED_FIRST NSEC_PER_SEC
#define REFUSED_LAST  NSEC_PER_MIN
/* Who was followed for so long is not one that hangs up each time. */
#define FOLLOWED_WELL (10 * NSEC_PER_SEC)

/* ---- its life ---- */

/* The timer makes the epoll instance readable; it is set in the past for "now". Where it could be
 * set once it can be again (timerfd_settime(2)). */
static int wake_at(struct watch *watch, uint64_t at) {
        struct itimerspec timer = {0};

        watch->due_at = at;
        if (at != NEVER)
                timer.it_value = clock_timespec(at > 0 ? at : 1);
        return timerfd_settime(watch->timer, TFD_TIMER_ABSTIME, &timer, NULL) < 0 ? -errno : 0;
}

static int add(const struct watch *watch, int fd) {
        struct epoll_event event = {.events = EPOLLIN};

        return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int watch_new(const struct sockaddr_un *address, const char *name, struct watch **ret_watch) {
        _cleanup_(cleanup_watch) struct watch *watch = calloc(1, sizeof *watch);
        int r;

        if (!watch)
                return -ENOMEM;
        watch->fd = watch->timer = -1;
        watch->in = BUFFER_INIT(IN_MAX);
        watch->address = *address;
        if (name)
                strcpy(watch->name, name);
        watch->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (watch->epoll < 0)
                return -errno;
        watch->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (watch->timer < 0)
                return -errno;
        r = add(watch, watch->timer);
        if (r == 0)
                r = wake_at(watch, clock_now());
        if (r < 0)
                return r;
        *ret_watch = watch;
        watch = NULL; /* consumed */
        return 0;
}

struct watch *watch_disown(struct watch *watch) {
        if (!watch)
                return NULL;
        cleanup_close(&watch->fd);
        cleanup_close(&watch->timer);
        cleanup_close(&watch->epoll);
        buffer_deinit(&watch->in);
        free(watch);
        return NULL;
}

/* A child of a fork may hold the descriptor too: closing it neither ends the connection nor takes
 * it out of the epoll instance (epoll(7)). */
static void hang_up(struct watch *watch) {
        if (watch->fd < 0)
                return;
        epoll_ctl(watch->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
        shutdown(watch->fd, SHUT_RDWR);
        close(watch->fd);
        watch->fd = -1;
        buffer_deinit(&watch->in);
}

struct watch *watch_free(struct watch *watch) {
        if (watch)
                hang_up(watch);
        return watch_disown(watch);
}

bool watch_is_of(const struct watch *watch, const char *name) {
        return strcmp(watch->name, name ? name : "") == 0;
}

/* ---- what is in the way ---- */

/* Between half of SPAN and all of it: who lost bearerd together does not come back together. */
static uint64_t jitter(const struct watch *watch, uint64_t span, uint64_t now) {
        uint64_t random = (now ^ (uintptr_t)watch) * UINT64_C(6364136223846793005);

        return span / 2 + (((random >> 40) * (span / 2)) >> 24);
}

static uint64_t backoff(unsigned failures, uint64_t first, uint64_t last) {
        return failures < 16 ? time_min(first << failures, last) : last;
}

static bool may_be_restarting(int r) {
        return r == -ECONNRESET || r == -EPIPE || r == -ECONNREFUSED || r == -ENOENT;
}

/* R is in the way; tries again later, and by RETRY_AFTER seconds at the earliest. What is to be
 * told of it: R, or 0 where that is no news. */
static int fail(struct watch *watch, int r, uint64_t retry_after, uint64_t now) {
        uint64_t span = r < 0 ? backoff(watch->failures, RETRY_FIRST, RETRY_LAST)
                              : backoff(watch->failures, REFUSED_FIRST, REFUSED_LAST);

        hang_up(watch);
        span = time_max(jitter(watch, span, now),
                        time_min(retry_after * NSEC_PER_SEC, REFUSED_LAST));
        watch->failures++;
        watch->state = WATCH_RESTS;
        (void)wake_at(watch, time_add(now, span));
        if (r == -EAGAIN || (may_be_restarting(r) && now < watch->patient_until))
                return 0;
        return r == -EPIPE ? -ECONNRESET : r;
}

/* bearerd has hung up. */
static int lost(struct watch *watch, uint64_t now) {
        if (watch->state == WATCH_FOLLOWS) {
                watch->patient_until = time_add(now, PATIENCE);
                if (now - watch->follows_since >= FOLLOWED_WELL)
                        watch->failures = 0;
        }
        return fail(watch, -ECONNRESET, 0, now);
}

/* ---- asking ---- */

/* What is known of the default token is perhaps known of another one by now. */
static void render_request(const struct watch *watch, struct buffer *out) {
        char target[sizeof "/v1/tokens//events?after=18446744073709551615" + TOKEN_NAME_MAX];

        if (!watch->name[0])
                strcpy(target, "/v1/token/events");
        else
                snprintf(target, sizeof target, "/v1/tokens/%s/events?after=%" PRIu64, watch->name,
                         watch->last.generation);
        http1_request_render(out, "GET", target, EVENTS_TYPE);
}

/* A new connection has room for so little. */
static int send_request(const struct watch *watch) {
        _cleanup_(buffer_deinit) struct buffer request = BUFFER_INIT(REQUEST_MAX);
        ssize_t n;

        render_request(watch, &request);
        if (buffer_error(&request) < 0)
                return buffer_error(&request);
        n = send(watch->fd, request.data, request.size, MSG_NOSIGNAL);
        if (n < 0)
                return -errno;
        return (size_t)n == request.size ? 0 : -ENOBUFS;
}

static int ask(struct watch *watch, uint64_t now) {
        const struct sockaddr *address = (const struct sockaddr *)&watch->address;
        int r;

        watch->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (watch->fd < 0)
                return -errno;
        if (connect(watch->fd, address, sizeof watch->address) < 0)
                return -errno;
        r = send_request(watch);
        /* bearerd may have refused already, and hung up: that is read then. */
        if (r < 0 && r != -EPIPE)
                return r;
        r = add(watch, watch->fd);
        if (r < 0)
                return r;
        watch->state = WATCH_ASKS;
        (void)wake_at(watch, time_add(now, ANSWER_TIME));
        return 0;
}

/* ---- reading ---- */

/* > 0: that many bytes came; 0: the end; -EAGAIN: nothing, or another -errno. */
static ssize_t receive(struct watch *watch) {
        struct buffer *in = &watch->in;
        size_t room = in->limit - in->size;
        ssize_t n;

        if (room == 0)
                return -EBADMSG;
        if (buffer_reserve(in, room < READ_SIZE ? room : READ_SIZE) < 0)
                return -ENOMEM;
        n = recv(watch->fd, in->data + in->size, in->capacity - in->size, 0);
        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        buffer_added(in, (size_t)n);
        return n;
}

/* 0: events follow, or more must come; else what is in the way, and *RET_RETRY_AFTER. */
static int read_head(struct watch *watch, uint64_t now, uint64_t *ret_retry_after) {
        struct http1_response response;
        ssize_t size = http1_stream_parse(buffer_slice(&watch->in), &response);

        if (size < 0)
                return BEARER_E_PROTOCOL;
        if (size == 0)
                return 0;
        if (response.status != 200) {
                *ret_retry_after = response.retry_after;
                return result_of_refusal(&response);
        }
        if (!response.is_endless ||
            !slice_is_nocase(http1_media_type(response.content_type), EVENTS_TYPE))
                return BEARER_E_PROTOCOL;
        buffer_consume(&watch->in, (size_t)size);
        watch->state = WATCH_FOLLOWS;
        watch->follows_since = now;
        (void)wake_at(watch, NEVER);
        return 0;
}

static bool is_same_token(const struct event *one, const struct event *other) {
        return one->generation == other->generation && strcmp(one->name, other->name) == 0;
}

/* Whether EVENT is news, of which the last one counts. */
static bool learn(struct watch *watch, const struct event *event) {
        bool knows = watch->last.kind == EVENT_IS_TOKEN;

        switch (event->kind) {
        case EVENT_IS_NONE:
                return false;
        case EVENT_IS_TOKEN:
                if (knows && is_same_token(&watch->last, event))
                        return false;
                watch->last = *event;
                return true;
        case EVENT_IS_GONE:
                watch->last.kind = EVENT_IS_GONE;
                return knows;
        }
        return false;
}

/* Reads what has come of events. 0, or BEARER_E_PROTOCOL. */
static int read_events(struct watch *watch, struct event *news) {
        struct event event;
        ssize_t size;

        while ((size = event_parse(buffer_slice(&watch->in), &event)) > 0) {
                buffer_consume(&watch->in, (size_t)size);
                if (watch->name[0] && event.kind != EVENT_IS_NONE &&
                    strcmp(event.name, watch->name) != 0)
                        return BEARER_E_PROTOCOL;
                if (learn(watch, &event))
                        *news = event;
        }
        return size < 0 ? BEARER_E_PROTOCOL : 0;
}

/* Reads what there is. What is in the way, if anything is, is what fail() makes of it. */
static int read_some(struct watch *watch, struct event *news, uint64_t now) {
        uint64_t retry_after = 0;
        int r = 0;

        for (int i = 0; i < READS_AT_ONCE; i++) {
                ssize_t n = receive(watch);

                if (n == -EAGAIN) {
                        if (watch->in.size == 0)
                                buffer_deinit(&watch->in);
                        return 0;
                }
                if (n == 0 || n == -ECONNRESET)
                        return lost(watch, now);
                if (n < 0)
                        return fail(watch, n == -EBADMSG ? BEARER_E_PROTOCOL : (int)n, 0, now);
                if (watch->state == WATCH_ASKS)
                        r = read_head(watch, now, &retry_after);
                if (r == 0 && watch->state == WATCH_FOLLOWS)
                        r = read_events(watch, news);
                if (r != 0)
                        return fail(watch, r, retry_after, now);
        }
        return 0;
}

/* ---- a step ---- */

static int time_is_up(struct watch *watch, uint64_t now) {
        int r;

        if (watch->state == WATCH_ASKS)
                return fail(watch, BEARER_E_TIMEOUT, 0, now);
        r = ask(watch, now);
        return r < 0 ? fail(watch, r, 0, now) : 0;
}

int watch_dispatch(struct watch *watch, struct event *ret_event) {
        struct event news = {.kind = EVENT_IS_NONE};
        uint64_t now = clock_now();
        int r = 0;

        /* What has come counts, though it be late. */
        if (watch->fd >= 0)
                r = read_some(watch, &news, now);
        if (r == 0 && news.kind == EVENT_IS_NONE && watch->due_at <= now)
                r = time_is_up(watch, now);
        if (news.kind == EVENT_IS_NONE && r != 0)
                return r;
        *ret_event = news;
        return 0;
}
