/* SPDX-License-Identifier: MIT */
#include "worker.h"
#include "auditor.h"
#include "world.h"

static unsigned number_of(const struct world *world, const struct worker *worker) {
        return (unsigned)(worker - world->workers);
}

static void set_next(struct world *world, const struct worker *worker, uint64_t at) {
        agenda_set(&world->agenda, AGENDA_WORKERS + number_of(world, worker), at);
}

/* Some come just when something is due. */
static uint64_t next_visit(struct world *world, const struct worker *worker) {
        uint64_t due = broker_deadline(&world->broker);

        if (number_of(world, worker) >= REGULARS)
                return NEVER; /* until the next flood */
        if (due != NEVER && random_one_in(&world->random, 16))
                return world_about(world, due);
        return world->now + 1 + random_span(&world->random, 8 * world->pace);
}

void workers_begin(struct world *world) {
        for (unsigned i = 0; i < WORKERS; i++) {
                world->workers[i].peer.uid = (uid_t)(i % USERS);
                world->workers[i].request.user = &world->users.of[i % USERS];
                set_next(world, &world->workers[i], next_visit(world, &world->workers[i]));
        }
        world->workers[0].is_liar = random_one_in(&world->random, 3);
}

static void take_reply(struct world *world, struct worker *worker, bool at_once) {
        const struct reply *reply = &worker->request.reply;

        auditor_replied(world, worker, at_once);
        worker->waits = false;
        set_next(world, worker, next_visit(world, worker));
        users_answered(world, worker);
        if (reply->kind != REPLY_TOKEN)
                return;
        worker->generation[worker->slot] = reply->token->lease.generation;
        worker->number[worker->slot] =
                issuer_number(secret_slice(&reply->token->lease.access_token));
}

void worker_replied(struct world *world, struct request *request) {
        take_reply(world, CONTAINER_OF(request, struct worker, request), false);
}

/* An API refuses a token that is dead, and, sometimes, one that is good. */
static bool is_refused(struct world *world, const struct worker *worker) {
        const struct issuer *issuer = &world->issuers[worker->slot];
        uint64_t number = worker->number[worker->slot];
        unsigned rarely = world->scenario == SCENARIO_CALM ? 1000 : 10;

        if (number == 0)
                return false;
        return worker->is_liar || issuer_is_revoked(issuer, number) ||
               issuer_expiry(issuer, number) <= world->now || random_one_in(&world->random, rarely);
}

static void make_wishes(struct world *world, struct worker *worker) {
        struct random *random = &world->random;
        unsigned rarely = world->scenario == SCENARIO_CALM ? 1000 : 10;

        worker->want = (struct want){0};
        if (is_refused(world, worker))
                worker->want.after = worker->generation[worker->slot];
        if (random_one_in(random, rarely))
                worker->want.min_valid = random_span(random, 2 * HOUR);
        if (random_one_in(random, 20 * rarely))
                worker->want.after = random_bits(random) >> random_below(random, 64);
        worker->is_plain = worker->want.after == 0 && worker->want.min_valid == 0;
}

static void ask(struct world *world, struct worker *worker) {
        const char name[2] = {(char)letter_of(worker->slot)};
        const struct broker_token *token = broker_find(&world->broker, name);
        unsigned wait = (unsigned)random_between(&world->random, 0, WAITERS_WAIT_MAX);

        make_wishes(world, worker);
        if (random_one_in(&world->random, 3))
                wait = 0;
        worker->deadline = world->now + wait * SECOND;
        worker->known = token ? token->lease.generation : 0;
        auditor_asked(world, worker);
        if (broker_request(&world->broker, &worker->request, name, false, &worker->want, wait,
                           &worker->peer, world->now) != REPLY_WAIT) {
                take_reply(world, worker, true);
                return;
        }
        worker->waits = true;
        auditor_waits(world, worker);
        set_next(world, worker, NEVER);
        if (!world_is_calm(world) && random_one_in(&world->random, 8))
                set_next(world, worker, world->now + random_span(&world->random, MINUTE));
}

static void leave(struct world *world, struct worker *worker) {
        broker_cancel(&world->broker, &worker->request);
        auditor_left(world, worker);
        worker->waits = false;
        users_let_go(world, worker);
        set_next(world, worker, next_visit(world, worker));
}

/* Comes, is let in, waits for its user's rate, and asks. */
static void visit(struct world *world, struct worker *worker) {
        uint64_t at;

        if (!worker->is_held_up && !users_let_in(world, worker)) {
                set_next(world, worker, next_visit(world, worker));
                return;
        }
        at = users_admit(world, worker);
        worker->is_held_up = at > world->now;
        if (worker->is_held_up)
                set_next(world, worker, at);
        else
                ask(world, worker);
}

void worker_go_on(struct world *world, unsigned which) {
        struct worker *worker = &world->workers[which];

        if (worker->waits) {
                leave(world, worker);
                return;
        }
        if (which < REGULARS && world->scenario != SCENARIO_CALM)
                worker->slot = (unsigned)random_below(&world->random, SLOTS);
        visit(world, worker);
}

void workers_leave(struct world *world) {
        for (unsigned i = 0; i < WORKERS; i++) {
                struct worker *worker = &world->workers[i];

                if (worker->waits)
                        leave(world, worker);
                if (worker->is_held_up)
                        set_next(world, worker, next_visit(world, worker));
                worker->is_held_up = false;
                users_let_go(world, worker);
        }
        auditor_recount(world);
}

/* At the same time, or one shortly after the other. */
void workers_flood(struct world *world) {
        unsigned slot = (unsigned)random_below(&world->random, SLOTS);
        uint64_t over = random_span(&world->random, SECOND);

        for (unsigned i = REGULARS; i < WORKERS; i++) {
                if (world->workers[i].waits || world->workers[i].is_held_up)
                        continue;
                world->workers[i].slot = slot;
                set_next(world, &world->workers[i],
                         world->now + random_between(&world->random, 0, over));
        }
}
