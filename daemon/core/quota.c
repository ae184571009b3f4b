/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "core/quota.h"

void quota_init(struct quota *quota, const struct quota_limits *limits) {
        *quota = (struct quota){.limits = *limits, .turn = 1};
}

void quota_set_limits(struct quota *quota, const struct quota_limits *limits) {
        quota->limits = *limits;
}

void quota_user_init(struct quota_user *user, struct quota *quota) {
        *user = (struct quota_user){.quota = quota};
}

/* ---- what is taken and given back ---- */

/* Three quarters of what the others leave, and not more than one user may have at all. */
static uint64_t share(const struct quota_user *user, enum quota_kind kind) {
        const struct quota *quota = user->quota;
        uint64_t of_others = quota->taken[kind] - user->taken[kind], all = quota->limits.all[kind];
        uint64_t left = all > of_others ? all - of_others : 0;

        left -= left / 4;
        return left < quota->limits.user[kind] ? left : quota->limits.user[kind];
}

bool quota_take(struct quota_user *user, enum quota_kind kind, uint64_t amount) {
        uint64_t most;

        if (!user)
                return true;
        most = share(user, kind);
        if (amount > most || user->taken[kind] > most - amount)
                return false;
        user->taken[kind] += amount;
        user->quota->taken[kind] += amount;
        return true;
}

void quota_give(struct quota_user *user, enum quota_kind kind, uint64_t amount) {
        if (!user)
                return;
        assert(amount <= user->taken[kind]);
        user->taken[kind] -= amount;
        user->quota->taken[kind] -= amount;
}

bool quota_retake(struct quota_user *user, enum quota_kind kind, uint64_t *taken, uint64_t amount) {
        if (amount < *taken)
                quota_give(user, kind, *taken - amount);
        else if (amount > *taken && !quota_take(user, kind, amount - *taken))
                return false;
        *taken = amount;
        return true;
}

/* ---- how fast ---- */

/* The generic cell rate algorithm (ITU-T I.371): each request is paid for by the time that it has
 * at the user's rate, up to QUOTA_BURST in advance. */
uint64_t quota_admits_at(const struct quota_user *user) {
        return user->paid_until > QUOTA_BURST ? user->paid_until - QUOTA_BURST : 0;
}

bool quota_admit(struct quota_user *user, uint64_t now) {
        uint64_t price = NSEC_PER_SEC / user->quota->limits.requests_per_second;

        if (quota_admits_at(user) > now)
                return false;
        user->paid_until = time_add(time_max(user->paid_until, now), price);
        return true;
}

bool quota_has_turn(struct quota_user *user) {
        if (user->turn != user->quota->turn) {
                user->turn = user->quota->turn;
                user->n_in_turn = 0;
        }
        if (user->n_in_turn >= QUOTA_TURN)
                return false;
        user->n_in_turn++;
        return true;
}

void quota_use_turn(struct quota_user *user, size_t bytes) {
        size_t things = bytes / QUOTA_BYTES;

        user->n_in_turn += things < QUOTA_TURN ? (unsigned)things : QUOTA_TURN;
}

bool quota_user_is_blank(const struct quota_user *user, uint64_t now) {
        for (int kind = 0; kind < N_QUOTA_KINDS; kind++)
                if (user->taken[kind] > 0)
                        return false;
        return user->paid_until <= now && user->turn != user->quota->turn;
}
