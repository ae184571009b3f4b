/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>

#include "io/crowd.h"

void crowd_init(struct crowd *crowd, const struct quota_limits *limits) {
        *crowd = (struct crowd){0};
        quota_init(&crowd->quota, limits);
        for (size_t i = 0; i < CROWD_BUCKETS; i++)
                list_init(&crowd->buckets[i]);
        list_init(&crowd->absent);
        list_init(&crowd->line);
}

/* ---- who is there ---- */

static struct crowd_user *user_free(struct crowd_user *user) {
        list_remove(&user->by_uid);
        list_remove(&user->by_absence);
        peer_groups_leave(user->groups);
        free(user);
        return NULL;
}

static struct crowd_user *user_new(struct crowd *crowd, uid_t uid) {
        struct crowd_user *user = calloc(1, sizeof *user);

        if (!user)
                return NULL;
        user->crowd = crowd;
        user->uid = uid;
        quota_user_init(&user->quota, &crowd->quota);
        list_init(&user->idle);
        list_init(&user->deferred);
        list_append(&crowd->buckets[uid % CROWD_BUCKETS], &user->by_uid);
        return user;
}

static struct crowd_user *user_find(const struct crowd *crowd, uid_t uid) {
        LIST_FOREACH(link, &crowd->buckets[uid % CROWD_BUCKETS]) {
                struct crowd_user *user = CONTAINER_OF(link, struct crowd_user, by_uid);

                if (user->uid == uid)
                        return user;
        }
        return NULL;
}

/* Who leaves owes at most QUOTA_BURST: so long, and the time until somebody comes, are the absent
 * kept. */
static void forget_absent(struct crowd *crowd, uint64_t now) {
        struct list *link;

        while ((link = list_first(&crowd->absent))) {
                struct crowd_user *user = CONTAINER_OF(link, struct crowd_user, by_absence);

                if (!quota_user_is_blank(&user->quota, now))
                        break;
                user_free(user);
        }
}

struct crowd_user *crowd_join(struct crowd *crowd, uid_t uid, uint64_t now) {
        struct crowd_user *user;

        forget_absent(crowd, now);
        user = user_find(crowd, uid);
        if (!user)
                user = user_new(crowd, uid);
        if (user)
                list_remove(&user->by_absence);
        return user;
}

void crowd_leave(struct crowd_user *user) {
        if (user->quota.taken[QUOTA_CONNECTIONS] == 0 && !list_is_linked(&user->by_absence))
                list_append(&user->crowd->absent, &user->by_absence);
}

void crowd_stay(struct crowd_user *user) {
        list_remove(&user->by_absence);
}

void crowd_deinit(struct crowd *crowd) {
        struct list *link;

        while ((link = list_first(&crowd->absent)))
                user_free(CONTAINER_OF(link, struct crowd_user, by_absence));
        for (size_t i = 0; i < CROWD_BUCKETS; i++)
                assert(list_is_empty(&crowd->buckets[i]));
}

/* ---- whose turn it is ---- */

void crowd_defer(struct crowd_user *user, struct list *link) {
        list_append(&user->deferred, link);
        if (!list_is_linked(&user->in_line))
                list_append(&user->crowd->line, &user->in_line);
}

void crowd_undefer(struct crowd_user *user, struct list *link) {
        list_remove(link);
        if (list_is_empty(&user->deferred))
                list_remove(&user->in_line);
}

static void take_turn(struct crowd_user *user, void (*go_on)(struct list *link, uint64_t now),
                      uint64_t now) {
        struct list *link;

        while ((link = list_first(&user->deferred)) && quota_admits_at(&user->quota) <= now &&
               quota_has_turn(&user->quota))
                go_on(link, now);
}

/* Who had its turn goes to the end of the line. */
void crowd_take_turns(struct crowd *crowd, void (*go_on)(struct list *link, uint64_t now),
                      uint64_t now) {
        struct list *link;

        while ((link = list_first(&crowd->line))) {
                struct crowd_user *user = CONTAINER_OF(link, struct crowd_user, in_line);

                if (user->turn == crowd->quota.turn)
                        return;
                user->turn = crowd->quota.turn;
                list_remove(link);
                list_append(&crowd->line, link);
                take_turn(user, go_on, now);
        }
}

uint64_t crowd_first_turn_at(const struct crowd *crowd, uint64_t now) {
        uint64_t first = NEVER;

        LIST_FOREACH(link, &crowd->line) {
                const struct crowd_user *user = CONTAINER_OF(link, struct crowd_user, in_line);

                first = time_min(first, time_max(quota_admits_at(&user->quota), now));
        }
        return first;
}
