/* SPDX-License-Identifier: MIT */
/* worker - asks for tokens, and has opinions on those that it gets. */
#pragma once

#include "core/broker.h"
#include "plan.h"

#define REGULARS 8  /* workers that come by themselves */
#define WORKERS  64 /* with those that come in floods */

struct world;

struct worker {
        struct request request;
        struct peer peer;
        uint64_t taken[N_QUOTA_KINDS]; /* of its user's quota; what waits aside */
        bool is_held_up;               /* by its user's rate */
        bool waits;
        bool is_liar; /* says of every token that it was refused */
        uint64_t deadline;
        unsigned slot;
        struct want want;
        bool is_plain;              /* neither after nor min_valid */
        uint64_t known;             /* the generation when it asked */
        uint64_t generation[SLOTS]; /* what it holds */
        uint64_t number[SLOTS];     /* which token of the issuer that is */
};

void workers_begin(struct world *world);
/* The next thing happens to the one of that number: it asks, or, while it waits, leaves. */
void worker_go_on(struct world *world, unsigned which);
/* What it waited for has come. */
void worker_replied(struct world *world, struct request *request);
/* All connections end. */
void workers_leave(struct world *world);
/* All who come in floods ask for one token. */
void workers_flood(struct world *world);
