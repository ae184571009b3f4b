/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/loop.h"

struct loop {
        struct event_base *base;
        struct loop_owner owner;
        struct watch signals;
        int signal_fd;
        struct watch timer;
        int timer_fd;
        struct watch wall_clock;
        int wall_clock_fd;
        uint64_t armed_for;
        uint64_t ticked_at; /* when the timer last fired */
        bool stopped;
        int error; /* it cannot go on */
};

DEFINE_CLEANUP_FREE(loop)

uint64_t clock_unix(void) {
        return clock_read(CLOCK_REALTIME);
}

uint64_t chance(void) {
        uint64_t random = 0;

        /* Early in boot there may be none yet: the time is jitter enough then. */
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
                random = clock_now() * UINT64_C(0x9e3779b97f4a7c15);
        return random;
}

static void on_event(evutil_socket_t fd, short events, void *user) {
        struct watch *watch = user;
        unsigned what = 0;

        if (events & EV_READ)
                what |= WATCH_READ;
        if (events & EV_WRITE)
                what |= WATCH_WRITE;
        if (events & EV_CLOSED)
                what |= WATCH_CLOSED;
        watch->ready(watch, what, clock_now());
}

int watch_start(struct watch *watch, struct loop *loop, int fd, unsigned what, watch_ready ready) {
        short events = EV_PERSIST;

        assert(what != 0);
        watch_stop(watch);
        if (what & WATCH_READ)
                events |= EV_READ;
        if (what & WATCH_WRITE)
                events |= EV_WRITE;
        if (what & WATCH_CLOSED)
                events |= EV_CLOSED;
        if (what & WATCH_EDGE)
                events |= EV_ET;
        watch->ready = ready;
        if (event_assign(&watch->event, loop->base, fd, events, on_event, watch) < 0)
                return -EINVAL;
        errno = 0;
        if (event_add(&watch->event, NULL) < 0)
                return errno > 0 ? -errno : -ENOMEM;
        watch->what = what;
        return 0;
}

void watch_stop(struct watch *watch) {
        if (watch->what == 0)
                return;
        event_del(&watch->event);
        watch->what = 0;
}

/* Who is deaf to signals, or cannot tell that its timer has fired, would turn in circles. */
static bool has_come(struct loop *loop, ssize_t size, size_t whole) {
        if (size == (ssize_t)whole)
                return true;
        if (size >= 0)
                loop->error = -EIO;
        else if (errno != EAGAIN && errno != EINTR)
                loop->error = -errno;
        return false;
}

static void on_signal(struct watch *watch, unsigned what, uint64_t now) {
        struct loop *loop = CONTAINER_OF(watch, struct loop, signals);
        struct signalfd_siginfo signal;

        while (has_come(loop, read(loop->signal_fd, &signal, sizeof signal), sizeof signal))
                loop->owner.signalled(loop->owner.user, (int)signal.ssi_signo, now);
}

/* That it has fired is all that it has to say: prepare() is called anyway. */
static void on_timer(struct watch *watch, unsigned what, uint64_t now) {
        struct loop *loop = CONTAINER_OF(watch, struct loop, timer);
        uint64_t times;

        loop->armed_for = NEVER;
        if (has_come(loop, read(loop->timer_fd, &times, sizeof times), sizeof times))
                loop->ticked_at = now;
}

/* A timer that never comes is cancelled when the clock does not just go on (timerfd_create(2)); it
 * stays armed. */
static void on_wall_clock(struct watch *watch, unsigned what, uint64_t now) {
        struct loop *loop = CONTAINER_OF(watch, struct loop, wall_clock);
        uint64_t times;

        if (read(loop->wall_clock_fd, &times, sizeof times) < 0 && errno == ECANCELED)
                loop->owner.clock_set(loop->owner.user, now);
}

static int loop_watch_wall_clock(struct loop *loop) {
        const struct itimerspec never = {.it_value.tv_sec = INT64_MAX / NSEC_PER_SEC};

        loop->wall_clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (loop->wall_clock_fd < 0 ||
            timerfd_settime(loop->wall_clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
                            &never, NULL) < 0)
                return -errno;
        return watch_start(&loop->wall_clock, loop, loop->wall_clock_fd, WATCH_READ, on_wall_clock);
}

static int loop_arm(struct loop *loop, uint64_t deadline) {
        struct itimerspec when = {0};

        if (deadline == loop->armed_for)
                return 0;
        if (deadline != NEVER) {
                when.it_value.tv_sec = (time_t)(deadline / NSEC_PER_SEC);
                when.it_value.tv_nsec = (long)(deadline % NSEC_PER_SEC);
                if (deadline == 0)
                        when.it_value.tv_nsec = 1; /* 0 would disarm it */
        }
        if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
                return -errno;
        loop->armed_for = deadline;
        return 0;
}

/* Not libevent's own signals: where it gets no pair of sockets for them, it says nothing, and falls
 * over them later. They stay blocked when the loop is gone: what it does at its end is not cut off.
 */
static int loop_catch_signals(struct loop *loop, const int *signals) {
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        for (size_t i = 0; signals[i]; i++) {
                sigaddset(&mask, signals[i]);
                signal(signals[i], SIG_DFL); /* children are not to be waited for by the kernel */
        }
        r = pthread_sigmask(SIG_BLOCK, &mask, NULL);
        if (r != 0)
                return -r;
        loop->signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
        if (loop->signal_fd < 0)
                return -errno;
        return watch_start(&loop->signals, loop, loop->signal_fd, WATCH_READ, on_signal);
}

/* With no other backend than epoll, which libevent would fall back to without a word: none has the
 * edges that io/server relies on. */
static int loop_make_base(struct loop *loop) {
        struct event_config *config = event_config_new();

        errno = 0;
        /* No timer is libevent's: it needs not know the time. */
        if (config &&
            event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) == 0 &&
            event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0)
                loop->base = event_base_new_with_config(config);
        if (config)
                event_config_free(config);
        return loop->base ? 0 : errno > 0 ? -errno : -ENOMEM;
}

int loop_new(const struct loop_owner *owner, const int *signals, struct loop **ret_loop) {
        _cleanup_(cleanup_loop) struct loop *loop = calloc(1, sizeof *loop);
        int r;

        if (!loop)
                return -ENOMEM;
        loop->owner = *owner;
        loop->armed_for = NEVER;
        loop->signal_fd = -1;
        loop->wall_clock_fd = -1;
        loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (loop->timer_fd < 0)
                return -errno;
        r = loop_make_base(loop);
        if (r < 0)
                return r;
        r = watch_start(&loop->timer, loop, loop->timer_fd, WATCH_READ, on_timer);
        if (r < 0)
                return r;
        r = loop_watch_wall_clock(loop);
        if (r < 0)
                return r;
        r = loop_catch_signals(loop, signals);
        if (r < 0)
                return r;
        *ret_loop = loop;
        loop = NULL; /* consumed */
        return 0;
}

struct loop *loop_free(struct loop *loop) {
        if (!loop)
                return NULL;
        watch_stop(&loop->signals);
        watch_stop(&loop->timer);
        watch_stop(&loop->wall_clock);
        cleanup_close(&loop->wall_clock_fd);
        cleanup_close(&loop->signal_fd);
        cleanup_close(&loop->timer_fd);
        if (loop->base)
                event_base_free(loop->base);
        free(loop);
        return NULL;
}

int loop_run(struct loop *loop) {
        while (!loop->stopped) {
                int r = loop_arm(loop, loop->owner.prepare(loop->owner.user, clock_now()));

                if (r < 0)
                        return r;
                if (loop->stopped)
                        break;
                errno = 0;
                if (event_base_loop(loop->base, EVLOOP_ONCE) < 0)
                        return errno > 0 ? -errno : -EIO;
                if (loop->error < 0)
                        return loop->error;
        }
        return 0;
}

uint64_t loop_ticked_at(const struct loop *loop) {
        return loop->ticked_at;
}

void loop_stop(struct loop *loop) {
        loop->stopped = true;
}
