/* SPDX-License-Identifier: MIT */
/* budget - how many requests may be sent to one endpoint for one client: so many in any 60 s.
 *
 * A request is taken when it starts and settled when it has ended: only then is it known whether it
 * was sent, and when. Until then it counts as sent at any time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/terms.h"

#define BUDGET_WINDOW (60 * NSEC_PER_SEC)

struct budget {
        unsigned per_minute;
        unsigned in_flight;
        uint64_t taken_at;   /* when the last one started that is still in flight */
        uint64_t cold_until; /* before this, what an earlier life has sent is not known */
        unsigned n_sent;
        uint64_t sent[TERMS_REQUESTS_PER_MINUTE_MAX]; /* ascending */
};

/* NOW is the time of a start without memory of an earlier one: a first request may go at once, and
 * for a minute those after it are 60 s / per_minute apart. */
void budget_init(struct budget *budget, unsigned per_minute, uint64_t now);
void budget_set_per_minute(struct budget *budget, unsigned per_minute);

/* What an earlier life has sent. KEPT's in_flight may be under way still, and counts as sent just
 * now; its per_minute does not count. 0; -EINVAL: it makes no sense. */
int budget_recall(struct budget *budget, const struct budget *kept, uint64_t now);

/* Whether it has nothing to remember: a new one would allow no more. */
bool budget_is_blank(const struct budget *budget, uint64_t now);

/* The first time from NOW on at which a request may start; NEVER: not before one in flight ends. */
uint64_t budget_next(const struct budget *budget, uint64_t now);

/* How many more requests the last 60 s leave, whatever else puts them off. */
unsigned budget_left(const struct budget *budget, uint64_t now);

void budget_take(struct budget *budget, uint64_t now);
/* One that was taken has ended; if it was SENT, then not later than SENT_AT. */
void budget_settle(struct budget *budget, bool sent, uint64_t sent_at);
