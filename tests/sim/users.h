/* SPDX-License-Identifier: MIT */
/* users - whom the workers are of: what each takes of what all share, as in bearerd's server. */
#pragma once

#include "core/quota.h"
#include "plan.h"

/* In chaos, at the most; in calm far more. */
#define USERS_RATE_MAX 20

struct world;
struct worker;

struct users {
        struct quota quota;
        struct quota_user of[USERS];
};

/* Nobody has anything. */
void users_begin(struct world *world);
/* By other limits. */
void users_change_limits(struct world *world);

/* WORKER comes, with a request. False: its user has too much already, and it is sent away. */
bool users_let_in(struct world *world, struct worker *worker);
/* When the request may be taken: now, or later. */
uint64_t users_admit(struct world *world, struct worker *worker);
/* WORKER has its answer, and takes its time with it. */
void users_answered(struct world *world, struct worker *worker);
/* Its connection ends. */
void users_let_go(struct world *world, struct worker *worker);
