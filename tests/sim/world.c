/* SPDX-License-Identifier: MIT */
#include "world.h"
#include "auditor.h"
#include "operator.h"
#include "weather.h"

/* Chaos lasts so many events, a calm run so long. */
#define CHAOS_EVENTS 20000
#define CALM_TIME    (365 * DAY)

/* What happens within one turn of bearerd's loop happens before effects are carried out. */
#define TURN (2 * NSEC_PER_MSEC)

uint64_t world_about(struct world *world, uint64_t at) {
        if (at <= world->now || at == NEVER)
                return world->now;
        return at - 1 + random_below(&world->random, 3);
}

/* As in bearerd, what a later life must know is written down first. */
void world_carry_out(struct world *world) {
        bool is_quiet = broker_is_quiet(&world->broker);

        memory_keep(&world->memory, &world->broker, false);
        for (;;) {
                struct effect effect = broker_next_effect(&world->broker);

                auditor_effect(world, effect.kind, is_quiet);
                is_quiet = broker_is_quiet(&world->broker);
                switch (effect.kind) {
                case EFFECT_NONE:
                        return;
                case EFFECT_FETCH:
                        fetch_start(world, &effect);
                        break;
                case EFFECT_ABANDON:
                        auditor_abandoned(world, effect.token);
                        fetch_cancel(world, effect.attempt);
                        break;
                case EFFECT_EXPIRED:
                        auditor_expired(world, effect.token);
                        break;
                case EFFECT_REPLY:
                        worker_replied(world, effect.request);
                        break;
                case EFFECT_NEWS:
                        reader_is_told(world, &effect);
                        break;
                }
        }
}

/* ---- events ---- */

/* The timer fires no sooner than the broker wants, and sometimes later. */
static uint64_t wakeup_at(struct world *world) {
        return time_max(broker_deadline(&world->broker), world->late);
}

static void wake_up(struct world *world) {
        auditor_trace(world, "timer");
        broker_expired(&world->broker, random_bits(&world->random), world->now);
        world_carry_out(world);
        auditor_woken(world);
        if (!world_is_calm(world) && random_one_in(&world->random, 50))
                world->late = world->now + random_span(&world->random, 5 * SECOND);
}

static void happen(struct world *world, unsigned what) {
        if (what < AGENDA_READERS)
                worker_go_on(world, what - AGENDA_WORKERS);
        else if (what < AGENDA_FETCHES)
                reader_go_on(world, what - AGENDA_READERS);
        else if (what < AGENDA_WEATHER)
                fetch_go_on(world, what - AGENDA_FETCHES);
        else if (what == AGENDA_WEATHER)
                weather_change(world);
        else {
                operator_go_on(world);
                world_carry_out(world);
        }
}

/* One event: the first that is due; of the timer and something else at the same time, either one.
 * As in bearerd, effects are carried out before the timer has its say, and before time goes on; it
 * never goes on for long. */
static void step(struct world *world) {
        uint64_t next = agenda_next(&world->agenda), wakeup = wakeup_at(world);
        bool timer_wins = random_one_in(&world->random, 2);

        if (broker_deadline(&world->broker) <= next || next > world->turn_ends_at) {
                world_carry_out(world);
                auditor_check(world);
                next = agenda_next(&world->agenda);
                wakeup = wakeup_at(world);
                world->turn_ends_at = time_min(next, wakeup) + random_below(&world->random, TURN);
        }
        world->n_events++;
        world->now = time_max(world->now, time_min(next, wakeup));
        if (auditor_clock_was_set(world))
                broker_call_in(&world->broker, world->now);
        if (wakeup < next || (wakeup == next && timer_wins))
                wake_up(world);
        else
                happen(world, agenda_first(&world->agenda));
}

/* ---- a run ---- */

static void faults_end(struct world *world) {
        auditor_trace(world, "all faults are over");
        world->calm_from = world->now;
        world->late = 0;
        world->pace = time_max(world->pace, MINUTE);
        world->end_at = world->now + 2 * HOUR;
        agenda_set(&world->agenda, AGENDA_OPERATOR, NEVER);
        weather_clear_up(world);
}

static void begin(struct world *world, enum scenario scenario, uint64_t seed) {
        struct random *random = &world->random;
        bool is_calm = scenario == SCENARIO_CALM;

        *world = (struct world){
                .scenario = scenario,
                .seed = seed,
                .random = {seed},
                .now = DAY,
                .end_at = is_calm ? DAY + CALM_TIME : NEVER,
                .calm_from = NEVER,
        };
        agenda_init(&world->agenda);
        broker_init(&world->broker);
        memory_init(&world->memory, !is_calm && random_one_in(random, 4));
        world->pace = is_calm ? HOUR << random_between(random, 1, 4)
                              : SECOND / 10 + random_span(random, HOUR);
        world->slowness = random_one_in(random, 3) ? NSEC_PER_MSEC : 20 * SECOND;
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                plan_identity(&world->plans[slot], slot, is_calm, random);
                world->plans[slot].is_there = slot == 0 || (!is_calm && random_one_in(random, 2));
        }
        weather_begin(world);
        users_begin(world);
        workers_begin(world);
        readers_begin(world);
        operator_begin(world);
}

static bool goes_on(const struct world *world) {
        if (world->scenario == SCENARIO_CHAOS)
                return world->n_events < CHAOS_EVENTS;
        return world->now < world->end_at;
}

void world_run(struct world *world, enum scenario scenario, uint64_t seed) {
        begin(world, scenario, seed);
        auditor_begin(world);
        plans_apply(world->plans, &world->broker, world->now);
        world_carry_out(world);
        while (goes_on(world)) {
                step(world);
                if (scenario == SCENARIO_RECOVERY && world->n_events == CHAOS_EVENTS)
                        faults_end(world);
        }
        auditor_end(world);
        workers_leave(world);
        readers_leave(world);
        fetch_drop_all(world);
        broker_deinit(&world->broker);
        memory_deinit(&world->memory);
}
