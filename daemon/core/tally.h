/* SPDX-License-Identifier: MIT */
/* tally - what has happened since bearerd started, in numbers that only rise: what requests got and
 * how long they waited for it, how attempts ended and how long they took.
 *
 * Owns nothing; a zeroed one has counted nothing. Decides nothing: whatever it says, the broker
 * does the same. */
#pragma once

#include <stdint.h>

#include "core/histogram.h"
#include "core/outcome.h"
#include "core/reply.h"

struct tally {
        uint64_t replies[N_REPLY_KINDS];
        struct histogram waits; /* until the reply; 0 for one that came at once */
        uint64_t attempts[N_OUTCOME_KINDS];
        struct histogram durations; /* of attempts */
        uint64_t news;              /* new generations that followers were told */
};

void tally_reply(struct tally *tally, enum reply_kind kind, uint64_t waited);
void tally_attempt(struct tally *tally, enum outcome_kind kind, uint64_t took);
