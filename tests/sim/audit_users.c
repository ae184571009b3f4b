/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "books.h"

/* What workers and readers have, counted anew. */
struct count {
        uint64_t of[USERS];
        uint64_t all;
};

static struct count count(const struct world *world, enum quota_kind kind) {
        struct count count = {0};

        for (const struct worker *worker = world->workers; worker < world->workers + WORKERS;
             worker++) {
                bool waits = kind == QUOTA_WAITING && waiter_waits(&worker->request.waiter);

                count.of[worker->peer.uid] += worker->taken[kind] + waits;
        }
        for (unsigned i = 0; kind == QUOTA_WAITING && i < READERS; i++)
                count.of[world->readers[i].peer.uid] += world->readers[i].follower.token != NULL;
        for (uid_t uid = 0; uid < USERS; uid++)
                count.all += count.of[uid];
        return count;
}

/* Whether UID may have MINE, where COUNT is what there is. */
static bool may_have(const struct world *world, enum quota_kind kind, const struct count *count,
                     uid_t uid, uint64_t mine) {
        const struct quota_limits *limits = &world->users.quota.limits;
        uint64_t of_others = count->all - count->of[uid];
        uint64_t left = limits->all[kind] > of_others ? limits->all[kind] - of_others : 0;

        return mine <= limits->user[kind] && 4 * mine <= 3 * left + 3;
}

void auditor_took(const struct world *world, const struct worker *worker, enum quota_kind kind,
                  uint64_t before, uint64_t amount, bool taken) {
        uid_t uid = worker->peer.uid;
        struct count now;

        auditor_trace(world, "user %u %s %" PRIu64 " of %d", uid, taken ? "has" : "may not have",
                      amount, kind);
        if (!books_hear(world))
                return;
        HOLDS(worker->taken[kind] == (taken ? amount : before), "what is taken is what was wanted");
        if (amount <= before) {
                HOLDS(taken, "less can always be had");
                return;
        }
        now = count(world, kind);
        HOLDS(taken == may_have(world, kind, &now, uid, now.of[uid] - worker->taken[kind] + amount),
              "a user gets three quarters of what the others leave, and not more");
        HOLDS(taken || world->scenario != SCENARIO_CALM, "in calm years there is enough");
}

/* By the rate, and a second of it in advance. */
void auditor_admitted(const struct world *world, const struct worker *worker) {
        uid_t uid = worker->peer.uid;
        unsigned rate = world->users.quota.limits.requests_per_second;
        unsigned n = books.n_admitted[uid]++, most = 2 * rate + 1;

        books.admitted[uid][n % ADMITTED_MAX] = world->now;
        if (most < ADMITTED_MAX && n >= most)
                HOLDS(books.admitted[uid][(n - most) % ADMITTED_MAX] + SECOND < world->now,
                      "nobody asks faster than may be asked");
}

void auditor_waits(const struct world *world, const struct worker *worker) {
        auditor_has_place(world, worker->peer.uid);
}

void auditor_has_place(const struct world *world, uid_t uid) {
        struct count now = count(world, QUOTA_WAITING);

        HOLDS(may_have(world, QUOTA_WAITING, &now, uid, now.of[uid]),
              "no more requests wait than may");
}

void auditor_crowded(const struct world *world, uid_t uid) {
        struct count now = count(world, QUOTA_WAITING);

        HOLDS(!may_have(world, QUOTA_WAITING, &now, uid, now.of[uid] + 1), "who may wait does");
}

void auditor_limited(const struct world *world) {
        memset(books.n_admitted, 0, sizeof books.n_admitted);
}

void auditor_recount(const struct world *world) {
        const struct users *users = &world->users;

        for (int kind = 0; kind < N_QUOTA_KINDS; kind++) {
                struct count now = count(world, (enum quota_kind)kind);

                for (uid_t uid = 0; uid < USERS; uid++)
                        HOLDS(users->of[uid].taken[kind] == now.of[uid],
                              "quotas are what is taken");
                HOLDS(users->quota.taken[kind] == now.all, "what all have is what each has");
        }
}
