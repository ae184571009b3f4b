/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "core/rush.h"

/* The majority vote of Boyer and Moore. */
void rush_comes(struct rush *rush, uid_t uid) {
        rush->n++;
        if (rush->lead == 0)
                rush->uid = uid;
        if (uid == rush->uid)
                rush->lead++;
        else
                rush->lead--;
}

/* As core/quota, by the generic cell rate algorithm; but nobody is kept from coming, so that what
 * is owed needs an end. */
bool rush_presses(struct rush *rush, uint64_t now) {
        if (rush->paid_until <= now)
                rush->n = rush->lead = 0;
        rush->paid_until = time_min(time_add(time_max(rush->paid_until, now), RUSH_PRICE),
                                    time_add(now, RUSH_REST));
        if (rush->is_on || time_until(rush->paid_until, now) <= RUSH_BURST)
                return false;
        rush->is_on = true;
        return true;
}

bool rush_ends(struct rush *rush, uint64_t now) {
        if (now < rush_deadline(rush))
                return false;
        rush->is_on = false;
        return true;
}

int rush_room(const struct rush *rush) {
        return rush->is_on ? RUSH_ROOM : INT_MAX;
}

/* So many are sure; whether any of the others are the user's as well is not known. */
bool rush_is_of(const struct rush *rush, uid_t *ret_uid) {
        if (rush->lead <= rush->n / 2)
                return false;
        *ret_uid = rush->uid;
        return true;
}
