/* SPDX-License-Identifier: MIT */
#include "io/departures.h"
#include "base/clock.h"
#include "io/closer.h"
#include "io/connection.h"

/* From one time to the next, and if that was in vain. */
#define REST  (10 * NSEC_PER_MSEC)
#define AGAIN (100 * NSEC_PER_MSEC)

static void forget_all(struct departures *departures) {
        struct list *link;

        while ((link = list_first(&departures->connections)))
                connection_forget(CONTAINER_OF(link, struct connection, link));
        departures->n_unpaid = 0;
}

static int close_all(struct departures *departures) {
        int r = closer_begin();

        if (r < 0)
                return r;
        forget_all(departures);
        closer_end();
        return 0;
}

/* Their descriptors stay open. */
static void abandon_all(struct departures *departures) {
        LIST_FOREACH(link, &departures->connections)
                CONTAINER_OF(link, struct connection, link)->fd = -1;
        forget_all(departures);
}

void departures_init(struct departures *departures) {
        *departures = (struct departures){0};
        list_init(&departures->connections);
}

void departures_deinit(struct departures *departures) {
        if (!list_is_empty(&departures->connections) && close_all(departures) < 0)
                abandon_all(departures);
}

void departures_add(struct departures *departures, struct connection *connection) {
        if (!connection->user)
                departures->n_unpaid++;
        list_append(&departures->connections, &connection->link);
}

int departures_expired(struct departures *departures, uint64_t now) {
        int r = close_all(departures);

        departures->due = time_add(now, r < 0 ? AGAIN : REST);
        return r;
}
