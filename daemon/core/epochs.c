/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "base/timespan.h"
#include "core/epochs.h"

void epochs_init(struct epochs *epochs) {
        *epochs = (struct epochs){0};
}

/* One beyond half of what there is was no epoch: it would take 142 years, and leave no room. */
void epochs_go_on(struct epochs *epochs, uint64_t last) {
        if (last < EPOCH_MAX / 2)
                epochs->last = time_max(epochs->last, last);
}

uint32_t epochs_take(struct epochs *epochs) {
        for (uint32_t slot = 0; slot < EPOCH_SLOTS_MAX; slot++)
                if (!epochs->taken[slot]) {
                        epochs->taken[slot] = true;
                        return slot;
                }
        return EPOCH_NO_SLOT;
}

static void set(struct epochs *epochs, uint32_t slot, uint64_t epoch) {
        if (slot == EPOCH_NO_SLOT || epochs->slots[slot] == epoch)
                return;
        assert(epochs->taken[slot]);
        epochs->slots[slot] = epoch;
        epochs->has_changed = true;
}

void epochs_give(struct epochs *epochs, uint32_t slot) {
        epochs_shut(epochs, slot);
        if (slot != EPOCH_NO_SLOT)
                epochs->taken[slot] = false;
}

/* In microseconds since boot, so that what is published by a life that knows nothing of this one,
 * in another file, is another epoch, too. */
void epochs_move(struct epochs *epochs, uint32_t slot, uint64_t now) {
        epochs->last = time_max(epochs->last + 1, now / NSEC_PER_USEC);
        set(epochs, slot, epochs->last);
}

void epochs_shut(struct epochs *epochs, uint32_t slot) {
        set(epochs, slot, 0);
}

uint64_t epochs_at(const struct epochs *epochs, uint32_t slot) {
        return slot == EPOCH_NO_SLOT ? 0 : epochs->slots[slot];
}

bool epochs_take_change(struct epochs *epochs) {
        bool has_changed = epochs->has_changed;

        epochs->has_changed = false;
        return has_changed;
}
