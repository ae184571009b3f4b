/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "core/tally.h"

void tally_reply(struct tally *tally, enum reply_kind kind, uint64_t waited) {
        assert(kind != REPLY_WAIT);
        tally->replies[kind]++;
        histogram_add(&tally->waits, waited);
}

void tally_attempt(struct tally *tally, enum outcome_kind kind, uint64_t took) {
        tally->attempts[kind]++;
        histogram_add(&tally->durations, took);
}
