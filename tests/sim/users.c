/* SPDX-License-Identifier: MIT */
#include "users.h"
#include "auditor.h"
#include "world.h"

#define REQUEST_MAX 16384
#define ANSWER_MAX  32768

static struct quota_user *user_of(struct world *world, const struct worker *worker) {
        return &world->users.of[worker->peer.uid];
}

/* More than anybody needs, or so little that some are sent away. */
static struct quota_limits choose_limits(struct world *world) {
        struct random *random = &world->random;
        bool is_calm = world->scenario == SCENARIO_CALM;
        struct quota_limits limits = {.requests_per_second = 10000};

        for (int kind = 0; kind < N_QUOTA_KINDS; kind++)
                limits.all[kind] = limits.user[kind] = UINT64_C(1) << 30;
        if (is_calm || random_one_in(random, 2))
                return limits;
        for (int kind = 0; kind < N_QUOTA_KINDS; kind++) {
                bool counts_bytes = kind == QUOTA_READING || kind == QUOTA_WRITING;
                uint64_t most = (counts_bytes ? REQUEST_MAX : 1) * UINT64_C(2) * WORKERS;

                limits.all[kind] = random_span(random, most);
                if (random_one_in(random, 3))
                        limits.user[kind] = random_span(random, most);
        }
        limits.requests_per_second = (unsigned)random_between(random, 1, USERS_RATE_MAX);
        return limits;
}

void users_begin(struct world *world) {
        struct quota_limits limits = choose_limits(world);

        quota_init(&world->users.quota, &limits);
        auditor_limited(world);
        for (unsigned uid = 0; uid < USERS; uid++)
                quota_user_init(&world->users.of[uid], &world->users.quota);
}

void users_change_limits(struct world *world) {
        struct quota_limits limits = choose_limits(world);

        quota_set_limits(&world->users.quota, &limits);
        auditor_limited(world);
}

/* AMOUNT of KIND, instead of what WORKER had. */
static bool take(struct world *world, struct worker *worker, enum quota_kind kind,
                 uint64_t amount) {
        uint64_t *taken = &worker->taken[kind], before = *taken;
        bool is_taken;

        if (amount == before)
                return true;
        is_taken = quota_retake(user_of(world, worker), kind, taken, amount);
        auditor_took(world, worker, kind, before, amount, is_taken);
        return is_taken;
}

bool users_let_in(struct world *world, struct worker *worker) {
        if (take(world, worker, QUOTA_CONNECTIONS, 1) && take(world, worker, QUOTA_WRITING, 0) &&
            take(world, worker, QUOTA_READING, random_span(&world->random, REQUEST_MAX)))
                return true;
        users_let_go(world, worker);
        return false;
}

uint64_t users_admit(struct world *world, struct worker *worker) {
        struct quota_user *user = user_of(world, worker);

        if (!quota_admit(user, world->now))
                return quota_admits_at(user);
        auditor_admitted(world, worker);
        take(world, worker, QUOTA_READING, 0);
        return world->now;
}

void users_answered(struct world *world, struct worker *worker) {
        if (random_one_in(&world->random, 2) ||
            !take(world, worker, QUOTA_WRITING, random_span(&world->random, ANSWER_MAX)))
                users_let_go(world, worker);
}

void users_let_go(struct world *world, struct worker *worker) {
        for (int kind = 0; kind < N_QUOTA_KINDS; kind++)
                if (kind != QUOTA_WAITING)
                        take(world, worker, (enum quota_kind)kind, 0);
}
