/* SPDX-License-Identifier: MIT */
/* rush - connections that come faster than they are accepted, and how long the queue is to be where
 * they wait for it.
 *
 * The kernel's queue knows no users: who comes in waits for all who came before. A long one is good
 * for many who start together, since they cannot all be accepted at once, and who finds it full is
 * refused, or waits without a place in it. In a rush that does not end it is always full, and so
 * its length is what everybody waits. Then it is kept short. Owns nothing; a zeroed one has seen
 * nobody. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/timespan.h"

/* It is one if more have come in a row: four times those who can wait, unless the kernel was
 * configured (net.core.somaxconn). No start of a fleet is so long. */
#define RUSH_LEAST 16384u
/* Those who can wait in one. To accept so many takes a millisecond or two. */
#define RUSH_ROOM 128u
/* It goes on if more have come in a row. */
#define RUSH_LEAST_MORE (4 * RUSH_ROOM)
/* It has ended when so long nothing was one. */
#define RUSH_REST NSEC_PER_MIN

struct rush {
        uint64_t n;     /* that came in a row: somebody else waited each time */
        uint64_t until; /* 0: there is none */
        uid_t uid;      /* most of the N are this one's, if anybody's */
        uint64_t lead;  /* at least so many more of them than are of others */
};

/* One of UID has come in at NOW. True: a rush begins. */
bool rush_comes(struct rush *rush, uid_t uid, uint64_t now);
/* Nobody else waits. */
void rush_pauses(struct rush *rush);

/* When rush_ends() is due; NEVER: there is no rush. */
uint64_t rush_deadline(const struct rush *rush);
/* True: it has ended. */
bool rush_ends(struct rush *rush, uint64_t now);

/* Those who are to be able to wait; INT_MAX: as many as the kernel allows. */
int rush_room(const struct rush *rush);
/* Whether more than half of those who came are one user's, RET_UID. */
bool rush_is_of(const struct rush *rush, uid_t *ret_uid);
