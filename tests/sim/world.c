/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor.h"
#include "wire/store.h"
#include "world.h"

#define SECOND NSEC_PER_SEC
#define MINUTE NSEC_PER_MIN
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Chaos lasts so many events, a calm run so long. */
#define CHAOS_EVENTS 20000
#define CALM_TIME    (365 * DAY)

static bool is_calm(const struct world *world) {
        return world->scenario == SCENARIO_CALM || world->now >= world->calm_from;
}

/* ---- what is configured ---- */

static void plan_terms(struct world *world, struct plan *plan) {
        struct random *random = &world->random;

        plan->terms = TERMS_DEFAULT;
        if (world->scenario == SCENARIO_CALM || random_one_in(random, 3))
                return;
        plan->terms.refresh_ahead = random_span(random, HOUR);
        plan->terms.floor = random_span(random, 5 * MINUTE);
        plan->terms.min_renewal_interval = random_span(random, 2 * MINUTE);
        plan->terms.renewal_pause = SECOND + random_span(random, 2 * MINUTE);
        plan->terms.retry_min = NSEC_PER_MSEC + random_span(random, 10 * SECOND);
        plan->terms.retry_max = plan->terms.retry_min + random_span(random, 2 * MINUTE);
        plan->terms.denied_min = SECOND + random_span(random, 2 * MINUTE);
        plan->terms.denied_max = plan->terms.denied_min + random_span(random, 15 * MINUTE);
        plan->terms.attempt_timeout = SECOND + random_span(random, MINUTE);
        plan->terms.requests_per_minute = (unsigned)random_between(random, 1, 20);
}

static void plan_policy(struct world *world, struct plan *plan) {
        plan->n_users = 0;
        if (world->scenario != SCENARIO_CALM && random_one_in(&world->random, 3))
                plan->users[plan->n_users++] = (uid_t)random_below(&world->random, USERS);
}

static void plan_slot(struct world *world, unsigned slot) {
        struct plan *plan = &world->plans[slot];

        plan->account = (unsigned)random_below(&world->random, ACCOUNTS);
        snprintf(plan->name, sizeof plan->name, "%c", 'a' + (int)slot);
        snprintf(plan->identity, sizeof plan->identity, "%u.%u.%u", slot, plan->version % 100000,
                 plan->account);
        snprintf(plan->key, sizeof plan->key, "%u", plan->account);
        plan_terms(world, plan);
        plan_policy(world, plan);
}

static void configure(struct world *world) {
        struct broker_spec specs[SLOTS];
        size_t n = 0;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                const struct plan *plan = &world->plans[slot];

                if (plan->is_there)
                        specs[n++] = (struct broker_spec){
                                .name = plan->name,
                                .identity = plan->identity,
                                .account = plan->key,
                                .terms = plan->terms,
                                .policy = {.users = plan->users, .n_users = plan->n_users},
                        };
        }
        if (broker_configure(&world->broker, specs, n, world->now) < 0)
                abort();
}

/* ---- fetches ---- */

static void begin_outage(struct world *world);

static struct fetch *fetch_free(struct world *world) {
        for (size_t i = 0; i < FETCHES; i++)
                if (!world->fetches[i].is_live)
                        return &world->fetches[i];
        abort();
}

static void fetch_drop(struct fetch *fetch) {
        outcome_deinit(&fetch->outcome);
        *fetch = (struct fetch){0};
}

static struct fetch *fetch_of(struct world *world, uint64_t attempt) {
        for (size_t i = 0; i < FETCHES; i++)
                if (fetch_is_in_flight(world, &world->fetches[i]) &&
                    world->fetches[i].attempt == attempt)
                        return &world->fetches[i];
        abort();
}

/* How long things take: some milliseconds, unless this is chaos. */
static uint64_t delay(struct world *world) {
        return random_span(&world->random, is_calm(world) ? SECOND / 4 : 20 * SECOND);
}

static void fetch_start(struct world *world, const struct effect *effect) {
        struct fetch *fetch = fetch_free(world);
        unsigned slot = slot_of(effect->token);

        auditor_started(world, slot);
        if (world->scenario == SCENARIO_CALM && world->mood_at == NEVER &&
            effect->token->lease.renewals > 0 && !effect->token->lease.is_failing &&
            random_one_in(&world->random, 20))
                begin_outage(world);
        *fetch = (struct fetch){
                .is_live = true,
                .attempt = effect->attempt,
                .slot = slot,
                .life = world->life,
                .mood = issuer_mood(&world->issuers[slot]),
                .send_at = world->now + delay(world),
        };
        fetch->arrive_at = fetch->send_at + delay(world);
        fetch->end_at = fetch->arrive_at + delay(world);
        if (fetch->mood == MOOD_FAILING || fetch->mood == MOOD_DENYING)
                fetch->is_unsent = random_one_in(&world->random, 4);
        if (is_calm(world))
                return;
        if (random_one_in(&world->random, 20)) {
                fetch->dies = true;
                fetch->end_at = random_between(&world->random, world->now, fetch->end_at);
        }
        if (random_one_in(&world->random, 20))
                fetch->end_at = NEVER;
}

static void fetch_send(struct world *world, struct fetch *fetch) {
        if (!fetch->is_unsent && fetch->mood != MOOD_LOCAL) {
                fetch->sent_at = world->now;
                auditor_sent(world, fetch->slot);
        }
        fetch->send_at = NEVER;
}

static void fetch_arrive(struct world *world, struct fetch *fetch) {
        fetch->arrive_at = NEVER;
        if (fetch->is_unsent)
                fetch->outcome = (struct outcome){
                        .kind = fetch->mood == MOOD_DENYING ? OUTCOME_DENIED : OUTCOME_FAILED};
        else
                fetch->outcome = issuer_answer(&world->issuers[fetch->slot], fetch->mood,
                                               fetch->sent_at, world->now);
}

/* What io/fetcher makes of it. Sometimes the same comes again, when nobody wants it. */
static void fetch_end(struct world *world, struct fetch *fetch) {
        unsigned slot = fetch->slot;
        bool is_current = fetch_is_in_flight(world, fetch);
        const struct broker_token *token;

        if (fetch->dies) {
                outcome_deinit(&fetch->outcome);
                fetch->outcome = (struct outcome){.kind = OUTCOME_FAILED, .sent = true};
        }
        if (is_current)
                auditor_before(world, slot, &fetch->outcome);
        token = broker_ended(&world->broker, fetch->attempt, &fetch->outcome,
                             random_bits(&world->random), world->now);
        auditor_after(world, slot, is_current, token);
        fetch_drop(fetch);
}

/* The broker gave up on it, and kills it; only what was sent is sent. */
static void fetch_cancel(struct world *world, uint64_t attempt) {
        struct fetch *fetch = fetch_of(world, attempt);

        if (fetch->end_at == NEVER || !random_one_in(&world->random, 4)) {
                fetch_drop(fetch);
                return;
        }
        /* Its line had been written already, and comes as one that is too late. */
        fetch->is_over = true;
        fetch->dies = true;
        fetch->send_at = fetch->arrive_at = NEVER;
}

static uint64_t fetch_next(const struct fetch *fetch) {
        if (!fetch->is_live)
                return NEVER;
        return time_min(fetch->end_at, time_min(fetch->send_at, fetch->arrive_at));
}

static void fetch_go_on(struct world *world, struct fetch *fetch) {
        uint64_t next = fetch_next(fetch);

        if (fetch->send_at == next)
                fetch_send(world, fetch);
        else if (fetch->arrive_at == next)
                fetch_arrive(world, fetch);
        else
                fetch_end(world, fetch);
}

/* ---- workers ---- */

static uint64_t pause_of(struct world *world) {
        return 1 + random_span(&world->random, 8 * world->pace);
}

static void worker_replied(struct world *world, struct worker *worker, bool at_once) {
        const struct reply *reply = &worker->request.reply;

        worker->waits = false;
        worker->next_at = world->now + pause_of(world);
        auditor_replied(world, worker, at_once);
        if (reply->kind != REPLY_TOKEN)
                return;
        worker->generation[worker->slot] = reply->token->lease.generation;
        worker->number[worker->slot] =
                issuer_number(secret_slice(&reply->token->lease.access_token));
}

/* An API refuses a token that is dead, and, sometimes, one that is good. */
static void worker_wishes(struct world *world, struct worker *worker) {
        const struct issuer *issuer = &world->issuers[worker->slot];
        struct random *random = &world->random;
        uint64_t number = worker->number[worker->slot];
        unsigned lies = world->scenario == SCENARIO_CALM ? 1000 : 10;

        worker->want = (struct want){0};
        if (number > 0 &&
            (issuer_is_revoked(issuer, number) || issuer_expiry(issuer, number) <= world->now ||
             random_one_in(random, lies)))
                worker->want.after = worker->generation[worker->slot];
        if (random_one_in(random, lies))
                worker->want.min_valid = random_span(random, 2 * HOUR);
        if (random_one_in(random, 20 * lies))
                worker->want.after = random_bits(random) >> random_below(random, 64);
        worker->is_plain = worker->want.after == 0 && worker->want.min_valid == 0;
}

static void worker_ask(struct world *world, struct worker *worker) {
        char name[2] = {0};
        unsigned wait = (unsigned)random_between(&world->random, 0, WAITERS_WAIT_MAX);

        worker->slot = (unsigned)random_below(&world->random, SLOTS);
        if (world->scenario == SCENARIO_CALM)
                worker->slot = 0;
        name[0] = (char)('a' + worker->slot);
        worker_wishes(world, worker);
        if (random_one_in(&world->random, 3))
                wait = 0;
        worker->deadline = world->now + wait * SECOND;
        if (broker_request(&world->broker, &worker->request, name, false, &worker->want, wait,
                           &worker->peer, world->now) != REPLY_WAIT) {
                worker_replied(world, worker, true);
                return;
        }
        worker->waits = true;
        worker->next_at = NEVER;
        if (!is_calm(world) && random_one_in(&world->random, 8))
                worker->next_at = world->now + random_span(&world->random, MINUTE);
}

static void worker_leave(struct world *world, struct worker *worker) {
        broker_cancel(&world->broker, &worker->request);
        worker->waits = false;
        worker->next_at = world->now + pause_of(world);
}

static void worker_go_on(struct world *world, struct worker *worker) {
        if (worker->waits)
                worker_leave(world, worker);
        else
                worker_ask(world, worker);
}

/* ---- effects ---- */

static void carry_out(struct world *world) {
        for (;;) {
                struct effect effect = broker_next_effect(&world->broker);

                switch (effect.kind) {
                case EFFECT_NONE:
                        return;
                case EFFECT_FETCH:
                        fetch_start(world, &effect);
                        break;
                case EFFECT_ABANDON:
                        auditor_abandoned(world, slot_of(effect.token));
                        fetch_cancel(world, effect.attempt);
                        break;
                case EFFECT_EXPIRED:
                        break;
                case EFFECT_REPLY:
                        worker_replied(world, CONTAINER_OF(effect.request, struct worker, request),
                                       false);
                        break;
                }
        }
}

/* ---- operators ---- */

static void reload(struct world *world) {
        unsigned slot = (unsigned)random_below(&world->random, SLOTS);
        struct plan *plan = &world->plans[slot], before = *plan;

        carry_out(world);
        switch (random_below(&world->random, 4)) {
        case 0: /* the same again */
                break;
        case 1:
                plan_terms(world, plan);
                plan_policy(world, plan);
                break;
        case 2:
                plan->version++;
                plan_slot(world, slot);
                break;
        case 3:
                plan->is_there = !plan->is_there;
                break;
        }
        for (unsigned i = 0, n = 0; i < SLOTS; i++) { /* a configuration has one at least */
                n += world->plans[i].is_there;
                if (i == SLOTS - 1 && n == 0)
                        plan->is_there = true;
        }
        auditor_reconfigured(world, slot,
                             strcmp(before.identity, plan->identity) != 0 ||
                                     before.is_there != plan->is_there);
        configure(world);
}

/* Connections end, and so do fetches, at once; what has arrived at the endpoint has arrived. */
static void end_life(struct world *world) {
        for (size_t i = 0; i < WORKERS; i++)
                if (world->workers[i].waits)
                        worker_leave(world, &world->workers[i]);
        for (size_t i = 0; i < FETCHES; i++)
                if (world->fetches[i].is_live)
                        fetch_drop(&world->fetches[i]);
        world->life++;
}

static void restart(struct world *world, bool keeps) {
        struct buffer text = BUFFER_INIT(STORE_TEXT_MAX);

        carry_out(world);
        store_render(&text, &world->broker);
        if (buffer_error(&text) < 0)
                abort();
        end_life(world);
        broker_deinit(&world->broker);
        broker_init(&world->broker);
        world->now += random_span(&world->random, is_calm(world) ? 2 * SECOND : HOUR);
        if (keeps && store_parse(buffer_slice(&text), &world->broker, world->now) < 0)
                abort();
        auditor_restarted(world, !keeps);
        buffer_deinit(&text);
        configure(world);
}

static void administer(struct world *world) {
        bool is_calm_year = world->scenario == SCENARIO_CALM;

        world->admin_at =
                world->now + random_span(&world->random, is_calm_year ? 60 * DAY : 6 * HOUR);
        switch (is_calm_year ? 3 : random_below(&world->random, 6)) {
        case 0:
        case 1:
        case 2:
                auditor_trace(world, "reload");
                reload(world);
                break;
        case 3:
                auditor_trace(world, "restart");
                restart(world, true);
                break;
        case 4:
                auditor_trace(world, "restart without a memory");
                restart(world, false);
                break;
        case 5:
                auditor_trace(world, "suspend");
                world->now += random_span(&world->random, 12 * HOUR);
                break;
        }
}

/* ---- the endpoint ---- */

static void set_moods(struct world *world, enum mood mood) {
        for (unsigned slot = 0; slot < SLOTS; slot++)
                world->issuers[slot].mood = mood;
}

static void change_mood(struct world *world) {
        static const enum mood moods[] = {MOOD_GOOD,  MOOD_GOOD,  MOOD_FAILING, MOOD_DENYING,
                                          MOOD_LOCAL, MOOD_DYING, MOOD_ANY};
        struct random *random = &world->random;
        unsigned slot = (unsigned)random_below(random, SLOTS);

        world->mood_at = world->now + random_span(random, 2 * HOUR);
        if (is_calm(world)) {
                world->mood_at = NEVER;
                set_moods(world, MOOD_GOOD);
                return;
        }
        world->issuers[slot].mood = moods[random_below(random, sizeof moods / sizeof *moods)];
        world->issuers[slot].life = 1 + random_span(random, 10 * DAY / SECOND);
        world->issuers[slot].life_varies = random_one_in(random, 2);
        if (random_one_in(random, 10))
                issuer_revoke(&world->issuers[slot]);
        auditor_trace(world, "endpoint of %c: mood %d, lives up to %" PRIu64 " s", 'a' + (int)slot,
                      world->issuers[slot].mood, world->issuers[slot].life);
}

/* From a renewal on, for up to four minutes: the default policy is to hide that. */
static void begin_outage(struct world *world) {
        set_moods(world, MOOD_FAILING);
        world->mood_at = world->now + random_below(&world->random, 240 * SECOND);
        auditor_trace(world, "outage of %" PRIu64 " ms",
                      (world->mood_at - world->now) / NSEC_PER_MSEC);
}

/* ---- events ---- */

/* The timer fires no sooner than the broker wants, and sometimes later. */
static uint64_t wakeup_at(struct world *world) {
        return time_max(broker_deadline(&world->broker), world->late);
}

static struct fetch *first_fetch(struct world *world) {
        struct fetch *first = &world->fetches[0];

        for (size_t i = 1; i < FETCHES; i++)
                if (fetch_next(&world->fetches[i]) < fetch_next(first))
                        first = &world->fetches[i];
        return first;
}

static struct worker *first_worker(struct world *world) {
        struct worker *first = &world->workers[0];

        for (size_t i = 1; i < WORKERS; i++)
                if (world->workers[i].next_at < first->next_at)
                        first = &world->workers[i];
        return first;
}

static void wake_up(struct world *world) {
        auditor_trace(world, "timer");
        broker_expired(&world->broker, random_bits(&world->random), world->now);
        auditor_woken(world);
        if (!is_calm(world) && random_one_in(&world->random, 50))
                world->late = world->now + random_span(&world->random, 5 * SECOND);
}

static void faults_end(struct world *world) {
        auditor_trace(world, "all faults are over");
        world->calm_from = world->now;
        world->admin_at = NEVER;
        change_mood(world);
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                world->issuers[slot].life = 3600;
                world->issuers[slot].life_varies = false;
        }
        world->late = 0;
        world->pace = time_max(world->pace, MINUTE);
        world->end_at = world->now + 2 * HOUR;
}

/* What happens within one turn of bearerd's loop happens before effects are carried out. */
#define TURN (2 * NSEC_PER_MSEC)

static uint64_t next_event(struct world *world) {
        return time_min(
                time_min(wakeup_at(world), fetch_next(first_fetch(world))),
                time_min(first_worker(world)->next_at, time_min(world->mood_at, world->admin_at)));
}

/* Of events at the same time, the timer is the last. What follows from it, and from what operators
 * do, is carried out before anything else happens. */
static void happen(struct world *world, uint64_t next) {
        struct fetch *fetch = first_fetch(world);
        struct worker *worker = first_worker(world);

        if (next == worker->next_at)
                worker_go_on(world, worker);
        else if (next == fetch_next(fetch))
                fetch_go_on(world, fetch);
        else if (next == world->mood_at)
                change_mood(world);
        else {
                if (next == world->admin_at)
                        administer(world);
                else
                        wake_up(world);
                carry_out(world);
        }
}

/* One event: the first that is due. As in bearerd, effects are carried out before the timer has its
 * say, and before time goes on. */
static void step(struct world *world) {
        uint64_t next = next_event(world);

        if (next == wakeup_at(world) || next > world->turn_ends_at) {
                carry_out(world);
                auditor_check(world);
                next = next_event(world);
                world->turn_ends_at = next + random_below(&world->random, TURN);
        }
        world->n_events++;
        world->now = time_max(world->now, next);
        happen(world, next);
}

/* ---- a run ---- */

static void begin(struct world *world, enum scenario scenario, uint64_t seed) {
        struct random *random = &world->random;

        *world = (struct world){
                .scenario = scenario,
                .random = {seed},
                .now = DAY,
                .end_at = NEVER,
                .calm_from = NEVER,
                .mood_at = NEVER,
                .admin_at = 2 * DAY,
        };
        broker_init(&world->broker);
        world->pace = scenario == SCENARIO_CALM ? HOUR : 1 + random_span(random, HOUR);
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                world->plans[slot].is_there =
                        slot == 0 || (scenario != SCENARIO_CALM && random_one_in(random, 2));
                plan_slot(world, slot);
                world->issuers[slot].random = random;
                world->issuers[slot].life = 3600;
        }
        for (size_t i = 0; i < WORKERS; i++) {
                world->workers[i].peer.uid = (uid_t)(i % USERS);
                world->workers[i].next_at = world->now + pause_of(world);
        }
        if (scenario == SCENARIO_CALM) {
                world->end_at = world->now + CALM_TIME;
                world->issuers[0].is_curt = true;
        } else {
                world->mood_at = world->now;
        }
}

static bool goes_on(const struct world *world) {
        if (world->scenario == SCENARIO_CHAOS)
                return world->n_events < CHAOS_EVENTS;
        return world->now < world->end_at;
}

void world_run(struct world *world, enum scenario scenario, uint64_t seed) {
        begin(world, scenario, seed);
        auditor_begin(world, seed);
        configure(world);
        carry_out(world);
        while (goes_on(world)) {
                step(world);
                if (scenario == SCENARIO_RECOVERY && world->n_events == CHAOS_EVENTS)
                        faults_end(world);
        }
        auditor_end(world);
        end_life(world);
        broker_deinit(&world->broker);
}
