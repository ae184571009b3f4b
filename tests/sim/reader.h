/* SPDX-License-Identifier: MIT */
/* reader - follows tokens: comes with what it knows, takes its time with what it is told, and
 * leaves, or is sent away. */
#pragma once

#include "core/followers.h"
#include "plan.h"

#define READERS 8

struct world;
struct effect;

struct reader {
        struct follower follower;
        struct peer peer;
        bool follows;
        bool is_busy; /* with what it was told last */
        bool by_default;
        unsigned slot;
        uint64_t claim;             /* the generation that it says it knows */
        uint64_t generation[SLOTS]; /* that it was told last */
};

void readers_begin(struct world *world);
/* The next thing happens to the one of that number. */
void reader_go_on(struct world *world, unsigned which);
/* By EFFECT_NEWS. */
void reader_is_told(struct world *world, const struct effect *effect);
/* All connections end. */
void readers_leave(struct world *world);
