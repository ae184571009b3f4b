/* SPDX-License-Identifier: MIT */
/* loop - the event loop: descriptors, signals, and the wall clock. The only home of libevent.
 *
 * Callbacks get the time (clock_now()), read once each. Before it waits, the loop asks its
 * owner to do what is to be done, and until when it may sleep. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/timespan.h"

struct loop;
struct watch;

enum {
        WATCH_READ = 1,
        WATCH_WRITE = 2,
        WATCH_CLOSED = 4, /* the peer has closed, or shut down its sending side */
        WATCH_EDGE = 8,   /* once per change, not for as long as it lasts */
};

typedef void (*watch_ready)(struct watch *watch, unsigned what, uint64_t now);

/* Interest in a descriptor, embedded in its owner. A zeroed one watches nothing. */
struct watch {
        struct event event;
        watch_ready ready;
        unsigned what; /* 0: stopped */
};

struct loop_owner {
        void *user;
        /* Does what is to be done, and says when it wants to be called again at the latest. */
        uint64_t (*prepare)(void *user, uint64_t now);
        void (*signalled)(void *user, int signal, uint64_t now);
        /* The wall clock was set, or the machine was suspended and has come back. */
        void (*clock_set)(void *user, uint64_t now);
};

/* SIGNALS ends with a 0, and comes to the loop alone from now on. 0, or -errno. */
int loop_new(const struct loop_owner *owner, const int *signals, struct loop **ret_loop);
struct loop *loop_free(struct loop *loop);

/* Until loop_stop(). 0, or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* When the timer last fired; 0: never. */
uint64_t loop_ticked_at(const struct loop *loop);

/* From now on READY is called whenever FD is ready for one of WHAT, until watch_stop(). Replaces
 * what was watched before. 0, or -errno. */
int watch_start(struct watch *watch, struct loop *loop, int fd, unsigned what, watch_ready ready);
void watch_stop(struct watch *watch);

/* Unix time, in ns. */
uint64_t clock_unix(void);
/* 64 random bits, for jitter. */
uint64_t chance(void);
