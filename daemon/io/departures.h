/* SPDX-License-Identifier: MIT */
/* departures - connections that are over, on which rights may be left unread: io/closer closes
 * them, many at a time. Until then each keeps its place; where no thread can be had, that is tried
 * again. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

struct connection;

/* One of so many places may be taken by those here who have no user. */
#define DEPARTURES_UNPAID 8

struct departures {
        struct list connections;
        size_t n_unpaid; /* of them, that are charged to nobody */
        uint64_t due;    /* the next time */
};

void departures_init(struct departures *departures);
/* What cannot be closed even now is when the process ends. */
void departures_deinit(struct departures *departures);

/* Consumes CONNECTION, see connection_depart(). */
void departures_add(struct departures *departures, struct connection *connection);

/* When departures_expired() is due; most often there are none, which it sees at once. */
static inline uint64_t departures_deadline(const struct departures *departures) {
        return list_is_empty(&departures->connections) ? NEVER : departures->due;
}
/* 0, or -errno: they cannot be closed now, and it is tried again. */
int departures_expired(struct departures *departures, uint64_t now);
