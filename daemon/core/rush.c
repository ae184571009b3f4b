/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "core/rush.h"

/* The majority vote of Boyer and Moore, of all who came in the row. */
static void vote(struct rush *rush, uid_t uid) {
        if (rush->lead == 0)
                rush->uid = uid;
        if (uid == rush->uid)
                rush->lead++;
        else
                rush->lead--;
}

bool rush_comes(struct rush *rush, uid_t uid, uint64_t now) {
        bool is_one_already = rush->until != 0;

        rush->n++;
        vote(rush, uid);
        if (rush->n <= (is_one_already ? RUSH_LEAST_MORE : RUSH_LEAST))
                return false;
        rush->until = time_add(now, RUSH_REST);
        return !is_one_already;
}

void rush_pauses(struct rush *rush) {
        rush->n = rush->lead = 0;
}

uint64_t rush_deadline(const struct rush *rush) {
        return rush->until != 0 ? rush->until : NEVER;
}

bool rush_ends(struct rush *rush, uint64_t now) {
        if (now < rush_deadline(rush))
                return false;
        *rush = (struct rush){0};
        return true;
}

int rush_room(const struct rush *rush) {
        return rush->until != 0 ? RUSH_ROOM : INT_MAX;
}

/* The lead is what a majority is sure of: half of all others may be the user's as well. */
bool rush_is_of(const struct rush *rush, uid_t *ret_uid) {
        if (rush->lead <= rush->n / 2)
                return false;
        *ret_uid = rush->uid;
        return true;
}
