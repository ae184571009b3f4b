/* SPDX-License-Identifier: MIT */
/* quota - what each user may take of what all share, and how fast it may ask.
 *
 * Owns nothing: a struct quota_user is embedded in what knows of the user. What is taken is given
 * back by who took it. A user never gets more than three quarters of what the others leave, so that
 * there is room for who comes next, however much one has taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/timespan.h"

enum quota_kind {
        QUOTA_CONNECTIONS,
        QUOTA_READING, /* bytes of requests that are not complete */
        QUOTA_WAITING, /* requests that wait for a token */
        QUOTA_WRITING, /* bytes of answers that were not taken */
        N_QUOTA_KINDS,
};

/* The requests that a user may make at once, if it made none before, are those of this time. */
#define QUOTA_BURST NSEC_PER_SEC
/* What of one user is done before the others have their turn. */
#define QUOTA_TURN 32u
/* So many bytes of no request are one thing: each may have come by itself, and costs the kernel 0.4
 * us. */
#define QUOTA_BYTES                   8u

#define QUOTA_REQUESTS_PER_SECOND_MAX 1000000

struct quota_limits {
        uint64_t all[N_QUOTA_KINDS];  /* of all users together */
        uint64_t user[N_QUOTA_KINDS]; /* of each, whatever is left */
        unsigned requests_per_second; /* of each, 1 to QUOTA_REQUESTS_PER_SECOND_MAX */
};

struct quota {
        struct quota_limits limits;
        uint64_t taken[N_QUOTA_KINDS];
        uint64_t turn;
};

struct quota_user {
        struct quota *quota;
        uint64_t taken[N_QUOTA_KINDS];
        uint64_t paid_until; /* the requests so far take until then, at the user's rate */
        uint64_t turn;       /* of the quota, when it last did something */
        unsigned n_in_turn;
};

void quota_init(struct quota *quota, const struct quota_limits *limits);
/* From now on. What is taken already stays so. */
void quota_set_limits(struct quota *quota, const struct quota_limits *limits);

void quota_user_init(struct quota_user *user, struct quota *quota);

/* Takes AMOUNT of KIND for USER. False: it would be too much, and nothing has changed. A USER that
 * is NULL is not limited: it is nobody's, but the host's own. */
bool quota_take(struct quota_user *user, enum quota_kind kind, uint64_t amount);
void quota_give(struct quota_user *user, enum quota_kind kind, uint64_t amount);
/* What was *TAKEN before becomes AMOUNT. False: that is too much, and nothing has changed. */
bool quota_retake(struct quota_user *user, enum quota_kind kind, uint64_t *taken, uint64_t amount);

/* Counts one more request of USER, which comes at NOW. False: it comes too early, and does not
 * count: quota_admits_at() says when it may. */
bool quota_admit(struct quota_user *user, uint64_t now);
uint64_t quota_admits_at(const struct quota_user *user);

/* Everybody has a turn again. */
static inline void quota_next_turn(struct quota *quota) {
        quota->turn++;
}
/* Counts one more thing that is done for USER. False: it had its turn. */
bool quota_has_turn(struct quota_user *user);
/* What was done last for USER was to read so many BYTES, which make no request. */
void quota_use_turn(struct quota_user *user, size_t bytes);

/* Whether there is nothing to remember of USER. */
bool quota_user_is_blank(const struct quota_user *user, uint64_t now);
