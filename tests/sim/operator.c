/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "auditor.h"
#include "operator.h"
#include "world.h"

/* ---- reload ---- */

/* A configuration has one token at least. */
static void keep_one(struct world *world, struct plan *plan) {
        unsigned n = 0;

        for (unsigned slot = 0; slot < SLOTS; slot++)
                n += world->plans[slot].is_there;
        if (n == 0)
                plan->is_there = true;
}

/* As it was, by other terms and for others, another identity, or there and not there. */
static void change_plan(struct world *world, unsigned slot) {
        struct plan *plan = &world->plans[slot];

        switch (random_below(&world->random, 4)) {
        case 0:
                break;
        case 1:
                plan_terms(plan, false, &world->random);
                break;
        case 2:
                plan_identity(plan, slot, false, &world->random);
                break;
        case 3:
                plan->is_there = !plan->is_there;
                break;
        }
        keep_one(world, plan);
}

static void reload(struct world *world) {
        unsigned slot = (unsigned)random_below(&world->random, SLOTS);
        const struct plan before = world->plans[slot], *plan = &world->plans[slot];

        auditor_trace(world, "reload");
        world_carry_out(world);
        if (world->scenario != SCENARIO_CALM)
                change_plan(world, slot);
        users_change_limits(world);
        auditor_reconfigured(world, slot,
                             strcmp(before.identity, plan->identity) != 0 ||
                                     before.is_there != plan->is_there);
        plans_apply(world->plans, &world->broker, world->now);
}

/* An operator asks for a new token: no worker may, yet the core can. */
static void refresh(struct world *world) {
        unsigned slot = (unsigned)random_below(&world->random, SLOTS);
        struct broker_token *token = broker_find(&world->broker, world->plans[slot].name);

        if (!token)
                return;
        auditor_trace(world, "%c: refresh", letter_of(slot));
        auditor_refreshed(world, slot);
        broker_refresh(&world->broker, token, world->now);
}

/* ---- restart ---- */

/* Connections end, and who waits on them is gone. */
static void start_anew(struct world *world) {
        uint64_t last_epoch = world->broker.epochs.last;
        bool remembers;

        workers_leave(world);
        readers_leave(world);
        users_begin(world);
        fetch_orphan_all(world);
        world->life++;
        broker_deinit(&world->broker);
        broker_init(&world->broker);
        /* A process needs a millisecond to start: generations count by those. */
        world->now += NSEC_PER_MSEC +
                      random_span(&world->random, world_is_calm(world) ? 2 * SECOND : HOUR);
        remembers = memory_recall(&world->memory, &world->broker, world->now);
        if (random_one_in(&world->random, 2))
                epochs_go_on(&world->broker.epochs,
                             last_epoch); /* else their file is another one */
        auditor_restarted(world, !remembers);
        plans_apply(world->plans, &world->broker, world->now);
}

static void restart(struct world *world, bool remembers) {
        auditor_trace(world, remembers ? "restart" : "restart without a memory");
        world_carry_out(world);
        memory_keep(&world->memory, &world->broker, true);
        if (!remembers)
                memory_lose(&world->memory);
        start_anew(world);
}

/* What was not carried out never is; what was carried out was written down before. */
static void kill(struct world *world) {
        if (!world->memory.is_diligent) {
                restart(world, false);
                return;
        }
        auditor_trace(world, "killed");
        start_anew(world);
}

/* ---- the rest ---- */

/* A secret is changed at both ends, the endpoint taking either for a while; or one end is
 * forgotten, until somebody puts that right. */
static void rotate(struct world *world) {
        unsigned slot = (unsigned)random_below(&world->random, SLOTS);
        struct issuer *issuer = &world->issuers[slot];
        bool is_right = world->scenario == SCENARIO_CALM || random_one_in(&world->random, 3);

        auditor_trace(world, "%c: rotation, %s", letter_of(slot), is_right ? "right" : "wrong");
        if (world->secrets[slot] != issuer->secret) {
                world->secrets[slot] = issuer->secret;
                return;
        }
        issuer->secret++;
        issuer->takes_old_one = is_right;
        if (is_right)
                world->secrets[slot] = issuer->secret;
}

static void suspend(struct world *world) {
        auditor_trace(world, "suspend");
        world_carry_out(world); /* an answer that is written is out of our hands */
        world->now += random_span(&world->random, 12 * HOUR);
        auditor_slept(world);
        broker_call_in(&world->broker, world->now);
}

static void act_in_chaos(struct world *world) {
        switch (random_below(&world->random, 16)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
                reload(world);
                break;
        case 5:
                refresh(world);
                break;
        case 6:
                restart(world, true);
                break;
        case 7:
                restart(world, false);
                break;
        case 8:
        case 9:
                kill(world);
                break;
        case 10:
                suspend(world);
                break;
        case 11:
        case 12:
                rotate(world);
                break;
        case 13:
                fetch_make_up(world);
                break;
        default:
                auditor_trace(world, "flood");
                workers_flood(world);
                break;
        }
}

static void act_in_calm(struct world *world) {
        switch (random_below(&world->random, 4)) {
        case 0:
                rotate(world);
                break;
        case 1:
                reload(world);
                break;
        default:
                restart(world, true);
                break;
        }
}

/* Seldom in calm; else often, sometimes one thing right after the other, or just when something is
 * due. */
static uint64_t next_act(struct world *world) {
        struct random *random = &world->random;
        uint64_t due = broker_deadline(&world->broker);

        if (world->scenario == SCENARIO_CALM)
                return world->now + random_span(random, 60 * DAY);
        if (random_one_in(random, 4))
                return world->now + random_span(random, NSEC_PER_MSEC);
        if (due != NEVER && random_one_in(random, 8))
                return world_about(world, due);
        return world->now + random_span(random, 400 * world->pace);
}

void operator_begin(struct world *world) {
        agenda_set(&world->agenda, AGENDA_OPERATOR, next_act(world));
}

void operator_go_on(struct world *world) {
        if (world->scenario == SCENARIO_CALM)
                act_in_calm(world);
        else
                act_in_chaos(world);
        agenda_set(&world->agenda, AGENDA_OPERATOR, next_act(world));
}
