/* SPDX-License-Identifier: MIT */
/* departures - connections that are over, on which something is left unread: other threads close
 * them, many at a time. Until then each keeps its place. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

struct connection;

/* One of so many places may be taken by those here who have no user. */
#define DEPARTURES_UNPAID 8

struct departures {
        struct list burdened; /* rights may be left on them: for io/closer */
        struct list littered; /* for io/sweeper */
        struct list swept;    /* it closes them now */
        size_t n;             /* of all */
        size_t n_unpaid;      /* of them, that are charged to nobody */
        uint64_t due;         /* the next time */
};

void departures_init(struct departures *departures);
/* What cannot be closed even now is when the process ends. */
void departures_deinit(struct departures *departures);

/* Consumes CONNECTION, see connection_depart(), which has one of N_MAX places. */
void departures_add(struct departures *departures, struct connection *connection, size_t n_max);

/* When departures_expired() is due; most often there are none, which it sees at once. */
static inline uint64_t departures_deadline(const struct departures *departures) {
        return departures->n == 0 ? NEVER : departures->due;
}
/* 0, or -errno: where rights may be left, they cannot be closed now, and it is tried again. */
int departures_expired(struct departures *departures, uint64_t now);
