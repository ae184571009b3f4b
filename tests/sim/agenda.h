/* SPDX-License-Identifier: MIT */
/* agenda - what happens next: for each thing that may happen, when. Of things at the same time, the
 * first one by number is first. */
#pragma once

#include <stdint.h>

#include "base/timespan.h"

#define AGENDA_SIZE 128u /* a power of 2 */

struct agenda {
        uint64_t at[2 * AGENDA_SIZE]; /* a tree: each node is the earlier one of its two */
};

void agenda_init(struct agenda *agenda);
/* NEVER: not at all. */
void agenda_set(struct agenda *agenda, unsigned what, uint64_t at);
unsigned agenda_first(const struct agenda *agenda);

static inline uint64_t agenda_at(const struct agenda *agenda, unsigned what) {
        return agenda->at[AGENDA_SIZE + what];
}

/* When the first one is. */
static inline uint64_t agenda_next(const struct agenda *agenda) {
        return agenda->at[1];
}
