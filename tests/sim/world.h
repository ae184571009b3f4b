/* SPDX-License-Identifier: MIT */
/* world - the real core in a simulated one: workers that ask, an endpoint with moods, fetches that
 * take their time, operators who reload and restart, a timer that is late, a machine that sleeps.
 *
 * Time jumps from one event to the next. All that is random comes from one seed, so that a run can
 * be had again. What happens is told to the auditor, who ends the run if it may not happen. */
#pragma once

#include "core/broker.h"
#include "issuer.h"
#include "random.h"

#define SLOTS    4 /* tokens that there may be: "a", "b", ... */
#define ACCOUNTS 2
#define WORKERS  8
#define FETCHES  32 /* under way, or left over */
#define USERS    3

enum scenario {
        SCENARIO_CALM,     /* what a year is like: now and then an outage that must be hidden */
        SCENARIO_CHAOS,    /* anything, at any time */
        SCENARIO_RECOVERY, /* chaos, which then stops: all must be well soon */
        N_SCENARIOS,
};

struct fetch {
        bool is_live;
        uint64_t attempt;
        unsigned slot;
        unsigned life; /* of the broker that started it */
        enum mood mood;
        bool is_unsent;     /* no connection can be made */
        uint64_t send_at;   /* NEVER: over */
        uint64_t arrive_at; /* at the endpoint */
        uint64_t end_at;    /* its line, or its death, is noticed; NEVER: it hangs */
        bool dies;          /* no line comes */
        bool is_over;       /* the broker knows how it ended; a line that comes now is a late one */
        uint64_t sent_at;
        struct outcome outcome;
};

struct worker {
        struct request request;
        struct peer peer;
        bool waits;
        uint64_t deadline;
        uint64_t next_at; /* it asks, or, while it waits, leaves */
        unsigned slot;
        struct want want;
        bool is_plain;              /* neither after nor min_valid */
        uint64_t generation[SLOTS]; /* what it holds */
        uint64_t number[SLOTS];     /* which token of the issuer that is */
};

/* What is configured of a slot. */
struct plan {
        bool is_there;
        unsigned version; /* of its identity */
        unsigned account;
        struct terms terms;
        uid_t users[USERS];
        size_t n_users;
        char name[2];
        char identity[16];
        char key[4];
};

struct world {
        enum scenario scenario;
        struct random random;
        uint64_t now;
        uint64_t end_at;
        uint64_t calm_from; /* no faults from here on; NEVER: never */
        struct broker broker;
        unsigned life; /* of the broker: counts restarts */
        struct issuer issuers[SLOTS];
        struct plan plans[SLOTS];
        struct worker workers[WORKERS];
        struct fetch fetches[FETCHES];
        uint64_t mood_at;      /* the endpoint's mood changes */
        uint64_t admin_at;     /* an operator does something */
        uint64_t turn_ends_at; /* effects are carried out then */
        uint64_t late;         /* the timer fires so much after its time */
        uint64_t pace;         /* workers ask about so often, ns */
        uint64_t n_events;
};

/* Lives through one run; the auditor ends the process if something is wrong. */
void world_run(struct world *world, enum scenario scenario, uint64_t seed);

/* Whether the broker's fetches, in flight, are among FETCHES. */
static inline bool fetch_is_in_flight(const struct world *world, const struct fetch *fetch) {
        return fetch->is_live && !fetch->is_over && fetch->life == world->life;
}

/* "a" is 0. */
static inline unsigned slot_of(const struct broker_token *token) {
        return (unsigned)(token->name[0] - 'a');
}
