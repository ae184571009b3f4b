/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "core/waiters.h"

void waiters_init(struct waiters *waiters) {
        for (unsigned i = 0; i <= WAITERS_WAIT_MAX; i++)
                list_init(&waiters->queues[i]);
        waiters->n = 0;
}

void waiters_add(struct waiters *waiters, struct waiter *waiter, struct list *at_token,
                 unsigned seconds, uint64_t now) {
        assert(seconds <= WAITERS_WAIT_MAX);
        assert(!waiter_waits(waiter));
        waiter->deadline = time_add(now, seconds * NSEC_PER_SEC);
        list_append(&waiters->queues[seconds], &waiter->by_deadline);
        list_append(at_token, &waiter->by_token);
        waiters->n++;
}

void waiters_remove(struct waiters *waiters, struct waiter *waiter) {
        if (!waiter_waits(waiter))
                return;
        list_remove(&waiter->by_deadline);
        list_remove(&waiter->by_token);
        waiters->n--;
}

/* The one that gives up first. */
static struct waiter *waiters_first(const struct waiters *waiters) {
        struct waiter *first = NULL;

        if (waiters->n == 0)
                return NULL;
        for (unsigned i = 0; i <= WAITERS_WAIT_MAX; i++) {
                struct list *link = list_first(&waiters->queues[i]);
                struct waiter *waiter;

                if (!link)
                        continue;
                waiter = CONTAINER_OF(link, struct waiter, by_deadline);
                if (!first || waiter->deadline < first->deadline)
                        first = waiter;
        }
        return first;
}

uint64_t waiters_deadline(const struct waiters *waiters) {
        const struct waiter *first = waiters_first(waiters);

        return first ? first->deadline : NEVER;
}

struct waiter *waiters_expired(const struct waiters *waiters, uint64_t now) {
        struct waiter *first = waiters_first(waiters);

        return first && first->deadline <= now ? first : NULL;
}
