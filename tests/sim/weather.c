/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "auditor.h"
#include "weather.h"
#include "world.h"

/* What the default terms are to hide, from the first attempt at a renewal on. */
#define OUTAGE_MAX (240 * SECOND)

static void set_moods(struct world *world, enum mood mood) {
        for (unsigned slot = 0; slot < SLOTS; slot++)
                world->issuers[slot].mood = mood;
}

void weather_begin(struct world *world) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                world->issuers[slot].random = &world->random;
                world->issuers[slot].life = 3600;
                world->issuers[slot].is_curt = world->scenario == SCENARIO_CALM;
        }
        if (world->scenario != SCENARIO_CALM)
                agenda_set(&world->agenda, AGENDA_WEATHER, world->now);
}

/* What one endpoint gives, and what becomes of what it has given. */
static void change_tokens(struct world *world, struct issuer *issuer) {
        struct random *random = &world->random;

        issuer->life = 1 + random_span(random, 10 * DAY / SECOND);
        issuer->life_varies = random_one_in(random, 2);
        issuer->has_one_token = random_one_in(random, 4);
        if (random_one_in(random, 10))
                issuer_revoke(issuer);
}

void weather_change(struct world *world) {
        static const enum mood moods[] = {MOOD_GOOD,  MOOD_GOOD,  MOOD_FAILING, MOOD_DENYING,
                                          MOOD_LOCAL, MOOD_DYING, MOOD_ANY};
        struct random *random = &world->random;
        unsigned slot = (unsigned)random_below(random, SLOTS);
        struct issuer *issuer = &world->issuers[slot];

        agenda_set(&world->agenda, AGENDA_WEATHER, NEVER);
        if (world_is_calm(world)) {
                set_moods(world, MOOD_GOOD);
                return;
        }
        agenda_set(&world->agenda, AGENDA_WEATHER,
                   world->now + SECOND + random_span(random, 64 * world->pace));
        issuer->mood = moods[random_below(random, sizeof moods / sizeof *moods)];
        change_tokens(world, issuer);
        auditor_trace(world, "%c: mood %d, lives up to %" PRIu64 " s", letter_of(slot),
                      issuer->mood, issuer->life);
}

void weather_at_fetch(struct world *world, const struct broker_token *token) {
        const struct lease *lease = &token->lease;
        uint64_t span;

        if (world->scenario != SCENARIO_CALM || lease->renewals == world->last_outage ||
            lease->is_failing || agenda_at(&world->agenda, AGENDA_WEATHER) != NEVER ||
            !random_one_in(&world->random, 20))
                return;
        world->last_outage = lease->renewals;
        set_moods(world, MOOD_FAILING);
        span = random_one_in(&world->random, 4) ? OUTAGE_MAX
                                                : random_below(&world->random, OUTAGE_MAX);
        agenda_set(&world->agenda, AGENDA_WEATHER, world->now + span);
        auditor_trace(world, "outage of %" PRIu64 " ms", span / NSEC_PER_MSEC);
}

void weather_clear_up(struct world *world) {
        weather_change(world);
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                struct issuer *issuer = &world->issuers[slot];

                issuer->life = 3600;
                issuer->life_varies = issuer->has_one_token = false;
                world->secrets[slot] = issuer->secret;
        }
}
