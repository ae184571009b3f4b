/* SPDX-License-Identifier: MIT */
/* epochs - the epoch of each slot, and which slots are taken.
 *
 * No epoch is ever used twice, so that it does not matter whose slot it was before. Who publishes
 * them copies the slots when there is a change. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/epoch.h"

struct epochs {
        uint64_t last;                   /* no lower one is used any more */
        uint64_t slots[EPOCH_SLOTS_MAX]; /* 0: closed, no copy is good */
        bool taken[EPOCH_SLOTS_MAX];
        bool has_changed;
};

void epochs_init(struct epochs *epochs);
/* An earlier life has used epochs up to LAST. */
void epochs_go_on(struct epochs *epochs, uint64_t last);

/* A slot that was free, closed; or EPOCH_NO_SLOT. */
uint32_t epochs_take(struct epochs *epochs);
/* No copy is good any more, and somebody else may have SLOT. */
void epochs_give(struct epochs *epochs, uint32_t slot);

/* Copies so far are no longer good, those from now on are. */
void epochs_move(struct epochs *epochs, uint32_t slot, uint64_t now);
/* No copy is good any more. */
void epochs_shut(struct epochs *epochs, uint32_t slot);

/* What a copy made now has to be given with; 0: it is not to be kept. */
uint64_t epochs_at(const struct epochs *epochs, uint32_t slot);

/* Whether a slot has another epoch than when last asked. */
bool epochs_take_change(struct epochs *epochs);
