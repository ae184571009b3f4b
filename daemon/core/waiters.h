/* SPDX-License-Identifier: MIT */
/* waiters - requests that wait for a token, and when each of them gives up.
 *
 * A waiter is embedded in what waits (a connection), so that parking allocates nothing. Waits are
 * whole seconds up to WAITERS_WAIT_MAX and `now` never decreases: one queue per length of wait has
 * its deadlines in order by itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timespan.h"

#define WAITERS_WAIT_MAX 60u /* seconds */

struct waiter {
        struct list by_deadline; /* in waiters.queues */
        struct list by_token;    /* where its token keeps it */
        uint64_t deadline;
};

struct waiters {
        struct list queues[WAITERS_WAIT_MAX + 1];
        uint64_t n;
};

void waiters_init(struct waiters *waiters);

/* Parks WAITER until NOW + SECONDS, and at the end of AT_TOKEN. */
void waiters_add(struct waiters *waiters, struct waiter *waiter, struct list *at_token,
                 unsigned seconds, uint64_t now);
/* Takes WAITER out; nothing if it does not wait. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);

/* When the next one gives up; NEVER if none waits. */
uint64_t waiters_deadline(const struct waiters *waiters);
/* One whose deadline has come, still parked; NULL if there is none. */
struct waiter *waiters_expired(const struct waiters *waiters, uint64_t now);

static inline bool waiter_waits(const struct waiter *waiter) {
        return list_is_linked(&waiter->by_deadline);
}
