/* SPDX-License-Identifier: MIT */
/* crowd - the users who are connected to a server: what each has, and whose turn it is.
 *
 * Owns one struct crowd_user for each uid; one that has left is forgotten as soon as its rate
 * allows. What is a user's is known to core/quota; here is where its connections are, by links that
 * they have for it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "core/quota.h"
#include "io/peer.h"

#define CROWD_BUCKETS 256

struct crowd {
        struct quota quota;
        struct list buckets[CROWD_BUCKETS]; /* users, by uid */
        struct list absent;                 /* users, by the time when they left */
        struct list line;                   /* users who have something deferred, in turn */
};

struct crowd_user {
        struct crowd *crowd;
        struct quota_user quota;
        uid_t uid;
        struct list by_uid;
        struct list by_absence; /* while no connection is this user's */
        struct list in_line;
        uint64_t turn;              /* the last one in the line */
        struct list idle;           /* the user's connections between requests, longest first */
        struct list deferred;       /* those whose turn is to come, longest first */
        struct peer_groups *groups; /* of the connection that came last; or NULL */
};

void crowd_init(struct crowd *crowd, const struct quota_limits *limits);
/* Nobody is connected any more. */
void crowd_deinit(struct crowd *crowd);

/* The user UID, whose connection the caller is about to take from the quota. NULL: no memory. */
struct crowd_user *crowd_join(struct crowd *crowd, uid_t uid, uint64_t now);
/* A connection of USER was given back to the quota, or never taken. */
void crowd_leave(struct crowd_user *user);
/* One was taken, though it had left meanwhile. */
void crowd_stay(struct crowd_user *user);

/* What LINK is in waits for its turn, from now on; no more. */
void crowd_defer(struct crowd_user *user, struct list *link);
void crowd_undefer(struct crowd_user *user, struct list *link);

/* Most often nobody is in line, which these see at once; the rest is done by the other two. */
void crowd_take_turns(struct crowd *crowd, void (*go_on)(struct list *link, uint64_t now),
                      uint64_t now);
uint64_t crowd_first_turn_at(const struct crowd *crowd, uint64_t now);

/* Everybody has a turn again. GO_ON is called for what is deferred and may go on now: it calls
 * crowd_undefer() before anything else, and ends no other user's connection. */
static inline void crowd_next_turn(struct crowd *crowd,
                                   void (*go_on)(struct list *link, uint64_t now), uint64_t now) {
        quota_next_turn(&crowd->quota);
        if (!list_is_empty(&crowd->line))
                crowd_take_turns(crowd, go_on, now);
}

/* When crowd_next_turn() has something to do; NEVER: nothing is deferred. */
static inline uint64_t crowd_turn_at(const struct crowd *crowd, uint64_t now) {
        return list_is_empty(&crowd->line) ? NEVER : crowd_first_turn_at(crowd, now);
}
