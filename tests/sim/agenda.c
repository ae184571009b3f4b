/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "agenda.h"

void agenda_init(struct agenda *agenda) {
        memset(agenda->at, 0xff, sizeof agenda->at); /* NEVER */
}

void agenda_set(struct agenda *agenda, unsigned what, uint64_t at) {
        unsigned i = AGENDA_SIZE + what;

        agenda->at[i] = at;
        while ((i /= 2) > 0)
                agenda->at[i] = time_min(agenda->at[2 * i], agenda->at[2 * i + 1]);
}

unsigned agenda_first(const struct agenda *agenda) {
        unsigned i = 1;

        while (i < AGENDA_SIZE)
                i = 2 * i + (agenda->at[2 * i] > agenda->at[2 * i + 1]);
        return i - AGENDA_SIZE;
}
