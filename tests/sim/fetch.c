/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "auditor.h"
#include "fetch.h"
#include "weather.h"
#include "world.h"

bool fetch_is_in_flight(const struct world *world, const struct fetch *fetch) {
        return fetch->is_live && !fetch->is_over && fetch->life == world->life;
}

static void put_on_agenda(struct world *world, const struct fetch *fetch) {
        uint64_t next = time_min(fetch->end_at, time_min(fetch->send_at, fetch->arrive_at));

        agenda_set(&world->agenda, AGENDA_FETCHES + (unsigned)(fetch - world->fetches),
                   fetch->is_live ? next : NEVER);
}

static void drop(struct world *world, struct fetch *fetch) {
        outcome_deinit(&fetch->outcome);
        *fetch = (struct fetch){0};
        put_on_agenda(world, fetch);
}

void fetch_drop_all(struct world *world) {
        for (size_t i = 0; i < FETCHES; i++)
                drop(world, &world->fetches[i]);
}

/* A place for one more; nobody misses one that is left over. */
static struct fetch *free_one(struct world *world) {
        struct fetch *left_over = NULL;

        for (size_t i = 0; i < FETCHES; i++) {
                struct fetch *fetch = &world->fetches[i];

                if (!fetch->is_live)
                        return fetch;
                if (!fetch_is_in_flight(world, fetch))
                        left_over = fetch;
        }
        if (!left_over)
                abort();
        drop(world, left_over);
        return left_over;
}

/* ---- how one goes ---- */

/* The broker is told, as by io/fetcher. */
static void tell(struct world *world, const struct fetch *fetch, struct outcome *outcome) {
        bool is_current = fetch_is_in_flight(world, fetch);
        const struct broker_token *token;

        if (is_current)
                auditor_before(world, fetch->slot, outcome);
        token = broker_ended(&world->broker, fetch->attempt, outcome, random_bits(&world->random),
                             world->now);
        if (token)
                memory_keep(&world->memory, &world->broker, false);
        auditor_after(world, fetch->slot, is_current, token);
        outcome_deinit(outcome);
}

static void send(struct world *world, struct fetch *fetch) {
        fetch->send_at = NEVER;
        if (fetch->is_unsent || fetch->mood == MOOD_LOCAL)
                return;
        fetch->sent_at = world->now;
        auditor_sent(world, fetch);
}

static void arrive(struct world *world, struct fetch *fetch) {
        fetch->arrive_at = NEVER;
        if (fetch->is_unsent)
                fetch->outcome = (struct outcome){
                        .kind = fetch->mood == MOOD_DENYING ? OUTCOME_DENIED : OUTCOME_FAILED,
                        .message = "cannot connect"};
        else
                fetch->outcome = issuer_answer(&world->issuers[fetch->slot], fetch->mood,
                                               fetch->secret, fetch->sent_at, world->now);
}

static void end(struct world *world, struct fetch *fetch) {
        if (fetch->dies) {
                outcome_deinit(&fetch->outcome);
                fetch->outcome = (struct outcome){
                        .kind = OUTCOME_FAILED, .sent = true, .message = "bearerd-fetch has died"};
        }
        if (fetch->life == world->life)
                tell(world, fetch, &fetch->outcome);
        drop(world, fetch);
}

void fetch_go_on(struct world *world, unsigned which) {
        struct fetch *fetch = &world->fetches[which];
        uint64_t next = agenda_at(&world->agenda, AGENDA_FETCHES + which);

        if (fetch->send_at == next)
                send(world, fetch);
        else if (fetch->arrive_at == next)
                arrive(world, fetch);
        else {
                end(world, fetch);
                return;
        }
        put_on_agenda(world, fetch);
}

/* ---- its beginning ---- */

static uint64_t delay(struct world *world) {
        return random_span(&world->random, world_is_calm(world) ? SECOND / 4 : world->slowness);
}

/* A fetcher that dies or hangs, or whose answer and the timer race. */
static void go_wrong(struct world *world, struct fetch *fetch, const struct lease *lease) {
        struct random *random = &world->random;

        switch (random_below(random, 60)) {
        case 0:
        case 1:
        case 2: /* killed, sooner or later */
                fetch->dies = true;
                fetch->end_at = random_between(random, world->now, fetch->end_at);
                break;
        case 3:
        case 4:
        case 5: /* hangs, at any point */
                fetch->end_at = NEVER;
                if (random_one_in(random, 2))
                        fetch->arrive_at = NEVER;
                break;
        case 6:
        case 7: /* ends when its time does */
                fetch->end_at = world_about(world, lease_attempt_deadline(lease));
                break;
        case 8:
        case 9: /* ends when something is due: another's end, or the floor of the token */
                fetch->end_at = time_max(fetch->arrive_at,
                                         world_about(world, broker_deadline(&world->broker)));
                break;
        default:
                break;
        }
        if (fetch->dies || fetch->end_at == NEVER)
                return;
        fetch->arrive_at = time_min(fetch->arrive_at, fetch->end_at);
        fetch->send_at = time_min(fetch->send_at, fetch->arrive_at);
}

/* What cannot even be started is told at once, as by bearerd: a full backlog passes. */
static bool cannot_start(struct world *world, const struct fetch *fetch) {
        struct outcome outcome = {.kind = OUTCOME_MISCONFIGURED, .message = "cannot start it"};

        if (world_is_calm(world) || !random_one_in(&world->random, 40))
                return false;
        if (random_one_in(&world->random, 2))
                outcome.kind = OUTCOME_FAILED;
        tell(world, fetch, &outcome);
        return true;
}

void fetch_start(struct world *world, const struct effect *effect) {
        struct fetch *fetch = free_one(world);
        unsigned slot = slot_of(effect->token);

        auditor_started(world, slot);
        weather_at_fetch(world, effect->token);
        *fetch = (struct fetch){
                .is_live = true,
                .attempt = effect->attempt,
                .slot = slot,
                .account = world->plans[slot].account,
                .life = world->life,
                .secret = world->secrets[slot],
                .started_at = effect->token->lease.started_at,
                .mood = issuer_mood(&world->issuers[slot]),
                .send_at = world->now + delay(world),
        };
        fetch->arrive_at = fetch->send_at + delay(world);
        fetch->end_at = fetch->arrive_at + delay(world);
        if (fetch->mood == MOOD_FAILING || fetch->mood == MOOD_DENYING)
                fetch->is_unsent = random_one_in(&world->random, 4);
        if (cannot_start(world, fetch)) {
                drop(world, fetch);
                return;
        }
        if (!world_is_calm(world))
                go_wrong(world, fetch, &effect->token->lease);
        put_on_agenda(world, fetch);
}

/* ---- nobody wants it any more ---- */

/* It is killed, or goes on for nobody. Either way, what it has not sent by now it never sends: what
 * the core counts it as is sent now. */
static void let_go(struct world *world, struct fetch *fetch) {
        if (fetch->end_at == NEVER || random_one_in(&world->random, 2)) {
                drop(world, fetch);
                return;
        }
        if (fetch->send_at != NEVER)
                send(world, fetch);
        fetch->is_over = true;
        if (fetch->arrive_at != NEVER && fetch->end_at < fetch->arrive_at)
                drop(world, fetch);
        else
                put_on_agenda(world, fetch);
}

void fetch_cancel(struct world *world, uint64_t attempt) {
        for (size_t i = 0; i < FETCHES; i++) {
                struct fetch *fetch = &world->fetches[i];

                if (!fetch_is_in_flight(world, fetch) || fetch->attempt != attempt)
                        continue;
                let_go(world, fetch);
                return;
        }
        abort();
}

void fetch_orphan_all(struct world *world) {
        for (size_t i = 0; i < FETCHES; i++)
                if (world->fetches[i].is_live)
                        let_go(world, &world->fetches[i]);
}

void fetch_make_up(struct world *world) {
        struct outcome outcome = {.kind = OUTCOME_GRANTED, .sent = true, .expires_in = 3600};
        struct fetch fetch = {.is_over = true};

        if (random_one_in(&world->random, 2))
                fetch.attempt = world->broker.last_attempt + 1 + random_below(&world->random, 9);
        if (secret_set(&outcome.access_token, "nobody", 6) < 0)
                abort();
        tell(world, &fetch, &outcome);
}
