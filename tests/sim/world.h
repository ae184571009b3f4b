/* SPDX-License-Identifier: MIT */
/* world - the real core in a simulated one: workers that ask, readers that follow, endpoints with
 * moods, fetches that take their time, operators who reload and restart, a timer that is late, a
 * machine that sleeps.
 *
 * Time jumps from one event to the next. All that is random comes from one seed, so that a run can
 * be had again. What happens is told to the auditor, who ends the run if it may not happen. */
#pragma once

#include "agenda.h"
#include "core/broker.h"
#include "fetch.h"
#include "issuer.h"
#include "memory.h"
#include "plan.h"
#include "random.h"
#include "reader.h"
#include "users.h"
#include "worker.h"

#define SECOND NSEC_PER_SEC
#define MINUTE NSEC_PER_MIN
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum scenario {
        SCENARIO_CALM,     /* what a year is like: now and then an outage that must be hidden */
        SCENARIO_CHAOS,    /* anything, at any time */
        SCENARIO_RECOVERY, /* chaos, which then stops: all must be well soon */
        N_SCENARIOS,
};

/* What is on the agenda; the broker's own timer aside. */
enum {
        AGENDA_WORKERS = 0,
        AGENDA_READERS = AGENDA_WORKERS + WORKERS,
        AGENDA_FETCHES = AGENDA_READERS + READERS,
        AGENDA_WEATHER = AGENDA_FETCHES + FETCHES, /* an endpoint's mood changes */
        AGENDA_OPERATOR,                           /* an operator does something */
        AGENDA_END,
};
_Static_assert(AGENDA_END <= AGENDA_SIZE, "all of it is on the agenda");

struct world {
        enum scenario scenario;
        uint64_t seed;
        struct random random;
        uint64_t now;
        uint64_t end_at;
        uint64_t calm_from; /* no faults from here on; NEVER: never */
        struct agenda agenda;
        struct broker broker;
        struct memory memory;
        unsigned life; /* of the broker: counts restarts */
        struct issuer issuers[SLOTS];
        unsigned secrets[SLOTS]; /* which client secret the host has */
        struct plan plans[SLOTS];
        struct users users;
        struct worker workers[WORKERS];
        struct reader readers[READERS];
        struct fetch fetches[FETCHES];
        uint64_t turn_ends_at; /* effects are carried out then */
        uint64_t late;         /* the timer fires not before */
        uint64_t pace;         /* workers ask about so often, ns */
        uint64_t last_outage;  /* so many renewals had succeeded by then */
        uint64_t slowness;     /* a step of a fetch takes at most so long */
        uint64_t n_events;
};

/* Lives through one run; the auditor ends the process if something is wrong. */
void world_run(struct world *world, enum scenario scenario, uint64_t seed);

/* What the core wants done is done. */
void world_carry_out(struct world *world);

/* Nothing goes wrong by itself now. */
static inline bool world_is_calm(const struct world *world) {
        return world->scenario == SCENARIO_CALM || world->now >= world->calm_from;
}

/* Just before AT, just then, or just after it; but not in the past. */
uint64_t world_about(struct world *world, uint64_t at);
