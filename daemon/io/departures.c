/* SPDX-License-Identifier: MIT */
#include "io/departures.h"
#include "base/clock.h"
#include "io/closer.h"
#include "io/connection.h"
#include "io/sweeper.h"

/* From one time to the next, and if that was in vain. */
#define REST  (10 * NSEC_PER_MSEC)
#define AGAIN (100 * NSEC_PER_MSEC)

static void forget_all(struct departures *departures, struct list *connections) {
        struct list *link;

        while ((link = list_first(connections))) {
                struct connection *connection = CONTAINER_OF(link, struct connection, link);

                departures->n--;
                departures->n_unpaid -= !connection->user;
                connection_forget(connection);
        }
}

/* Their descriptors stay as they are. */
static void abandon_all(struct departures *departures, struct list *connections) {
        LIST_FOREACH(link, connections)
                CONTAINER_OF(link, struct connection, link)->fd = -1;
        forget_all(departures, connections);
}

static int close_burdened(struct departures *departures) {
        int r;

        if (list_is_empty(&departures->burdened))
                return 0;
        r = closer_begin();
        if (r < 0)
                return r;
        forget_all(departures, &departures->burdened);
        closer_end();
        return 0;
}

/* The first N who have littered. */
static void move_to_swept(struct departures *departures, size_t n) {
        struct list *link;

        while (n-- > 0 && (link = list_first(&departures->littered))) {
                list_remove(link);
                list_append(&departures->swept, link);
        }
}

/* As many as the sweeper takes. Where there is no thread for it, a turn's worth is closed here. */
static void sweep(struct departures *departures) {
        int fds[SWEEPER_MAX];
        size_t n = 0;

        LIST_FOREACH(link, &departures->littered) {
                if (n == SWEEPER_MAX)
                        break;
                fds[n++] = CONTAINER_OF(link, struct connection, link)->fd;
        }
        if (n == 0)
                return;
        if (sweeper_start(fds, n) == 0) {
                move_to_swept(departures, n);
        } else {
                move_to_swept(departures, QUOTA_TURN);
                forget_all(departures, &departures->swept);
        }
}

void departures_init(struct departures *departures) {
        *departures = (struct departures){0};
        list_init(&departures->burdened);
        list_init(&departures->littered);
        list_init(&departures->swept);
}

void departures_deinit(struct departures *departures) {
        if (close_burdened(departures) < 0)
                abandon_all(departures, &departures->burdened);
        abandon_all(departures, &departures->swept);
        abandon_all(departures, &departures->littered);
}

void departures_add(struct departures *departures, struct connection *connection, size_t n_max) {
        struct list *list = connection->has_rights ? &departures->burdened : &departures->littered;

        if (!connection->user && !connection->has_rights &&
            departures->n_unpaid >= n_max / DEPARTURES_UNPAID) {
                connection_forget(connection);
                return;
        }
        departures->n++;
        departures->n_unpaid += !connection->user;
        list_append(list, &connection->link);
}

int departures_expired(struct departures *departures, uint64_t now) {
        int r = close_burdened(departures);

        if (!sweeper_is_busy()) {
                abandon_all(departures, &departures->swept); /* they are closed */
                sweep(departures);
        }
        departures->due = time_add(now, r < 0 ? AGAIN : REST);
        return r;
}
