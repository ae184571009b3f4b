/* SPDX-License-Identifier: MIT */
/* watch - a token's events, for a program that has an event loop: a descriptor to wait for, and a
 * step that never blocks.
 *
 * Owns the connection that the events come in on, a timer for when it is time to connect again, and
 * an epoll instance (epoll(7)) of the two, which is readable as either is: so the descriptor is the
 * same one for as long as the watch lives, whatever becomes of bearerd meanwhile. Of one thread,
 * and of the process that has made it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "client/event.h"
#include "core/name.h"

enum watch_state {
        WATCH_RESTS,   /* until it is time to connect */
        WATCH_ASKS,    /* for events, and has no answer yet */
        WATCH_FOLLOWS, /* events come */
};

struct watch {
        struct watch *next;   /* the owner's */
        uint64_t incarnation; /* the owner's */
        struct sockaddr_un address;
        char name[TOKEN_NAME_MAX + 1]; /* "": the default token */
        enum watch_state state;
        int epoll, timer;
        int fd; /* the connection; -1: none */
        struct buffer in;
        uint64_t due_at;        /* RESTS: the next try; ASKS: the end of patience; else NEVER */
        uint64_t follows_since; /* FOLLOWS */
        uint64_t patient_until; /* bearerd hung up: perhaps it is restarting */
        unsigned failures;      /* in a row */
        struct event last;      /* of the token that is known */
};

/* For the token NAME; NULL: the default one. 0, or -errno. */
int watch_new(const struct sockaddr_un *address, const char *name, struct watch **ret_watch);
/* Hangs up. */
struct watch *watch_free(struct watch *watch);
DEFINE_CLEANUP_FREE(watch)
/* Lets go of what is another process's, without a word to bearerd or to the kernel. */
struct watch *watch_disown(struct watch *watch);

/* Whether it was made for NAME. */
bool watch_is_of(const struct watch *watch, const char *name);

/* Does what there is to be done. 0: *RET_EVENT is what is new, or none. -errno, BEARER_E_*: what is
 * in the way of events; it is tried again in a while, by itself. */
int watch_dispatch(struct watch *watch, struct event *ret_event);
