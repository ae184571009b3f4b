/* SPDX-License-Identifier: MIT */
/* rush - connections that come faster than they are accepted, and how long the queue is to be where
 * they wait for it.
 *
 * The kernel's queue knows no users: who comes in waits for all who came before. A long one is good
 * for many who start together, since they cannot all be accepted at once, and who finds it full is
 * refused, or waits without a place in it. In a rush it is full again and again, and so its length
 * is what everybody waits. Then it is kept short. Owns nothing; a zeroed one has seen nobody. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/timespan.h"

/* Those who are accepted in one go. */
#define RUSH_GO 32u
/* Goes that are used up may be so many a second: those of a queue that is full every 16 seconds ...
 */
#define RUSH_PRICE (NSEC_PER_SEC / 8)
/* ... and, before it is a rush, those of this time at once: 16,384 connections, four times what can
 * wait, unless the kernel was configured (net.core.somaxconn). */
#define RUSH_BURST (64 * NSEC_PER_SEC)
/* It ends so long after the last of them, or sooner if they were few. */
#define RUSH_REST (2 * NSEC_PER_MIN)
/* Those who can wait in one: a go. */
#define RUSH_ROOM ((int)RUSH_GO)

struct rush {
        uint64_t paid_until; /* the goes so far take until then */
        bool is_on;
        uint64_t n;    /* that came since all was paid, and one go more */
        uid_t uid;     /* if most of them are one user's, this one's */
        uint64_t lead; /* at least so many of them */
};

/* One of UID has been accepted, in a go. */
void rush_comes(struct rush *rush, uid_t uid);
/* A go has been used up at NOW, and others may wait. True: a rush begins. */
bool rush_presses(struct rush *rush, uint64_t now);

/* When rush_ends() is due; NEVER: there is no rush. */
static inline uint64_t rush_deadline(const struct rush *rush) {
        return rush->is_on ? rush->paid_until : NEVER;
}
/* True: it has ended. */
bool rush_ends(struct rush *rush, uint64_t now);

/* Those who are to be able to wait; INT_MAX: as many as the kernel allows. */
int rush_room(const struct rush *rush);
/* Whether it is certain that more than half of those who came are one user's, RET_UID: it always is
 * of more than three quarters. */
bool rush_is_of(const struct rush *rush, uid_t *ret_uid);
