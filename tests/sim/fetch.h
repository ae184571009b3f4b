/* SPDX-License-Identifier: MIT */
/* fetch - one run of bearerd-fetch: it sends, the request arrives at the endpoint, a line comes
 * back; or something goes wrong on the way. */
#pragma once

#include "issuer.h"

#define FETCHES 48 /* under way, or left over */

struct world;
struct effect;

struct fetch {
        bool is_live;
        uint64_t attempt;
        unsigned slot;
        unsigned account;
        unsigned life; /* of the broker that started it */
        unsigned secret;
        enum mood mood;
        bool is_unsent;      /* no connection can be made */
        uint64_t started_at; /* as the broker decided */
        uint64_t send_at;    /* NEVER: over */
        uint64_t arrive_at;  /* at the endpoint */
        uint64_t end_at;     /* its line, or its death, is noticed; NEVER: it hangs */
        bool dies;           /* no line comes */
        bool is_over;     /* the broker knows how it ended; a line that comes now is a late one */
        uint64_t sent_at; /* 0: it was not */
        struct outcome outcome;
};

/* As the broker wants it, by EFFECT_FETCH. */
void fetch_start(struct world *world, const struct effect *effect);
/* The broker has given up attempt ATTEMPT. */
void fetch_cancel(struct world *world, uint64_t attempt);
/* The broker has ended. */
void fetch_orphan_all(struct world *world);
/* The next thing happens to the one of that number. */
void fetch_go_on(struct world *world, unsigned which);
/* An answer that nobody has asked for. */
void fetch_make_up(struct world *world);
/* None is left. */
void fetch_drop_all(struct world *world);

/* Whether the broker counts on it. */
bool fetch_is_in_flight(const struct world *world, const struct fetch *fetch);
