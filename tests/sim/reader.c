/* SPDX-License-Identifier: MIT */
#include "reader.h"
#include "auditor.h"
#include "world.h"

static void set_next(struct world *world, const struct reader *reader, uint64_t at) {
        agenda_set(&world->agenda, AGENDA_READERS + (unsigned)(reader - world->readers), at);
}

static uint64_t some_time(struct world *world, uint64_t most) {
        return world->now + 1 + random_span(&world->random, most);
}

/* Who was sent away comes again, but not at once. */
static uint64_t next_visit(struct world *world) {
        return world->now + 1 + random_below(&world->random, 40 * world->pace);
}

void readers_begin(struct world *world) {
        for (unsigned i = 0; i < READERS; i++) {
                struct reader *reader = &world->readers[i];

                reader->peer.uid = (uid_t)(i % USERS);
                reader->follower.user = &world->users.of[i % USERS];
                set_next(world, reader, next_visit(world));
        }
}

/* It stays for long, or until it is sent away. */
static void settle(struct world *world, struct reader *reader) {
        bool leaves = random_one_in(&world->random, 2);

        reader->is_busy = false;
        set_next(world, reader, leaves ? some_time(world, 400 * world->pace) : NEVER);
}

static void leave(struct world *world, struct reader *reader) {
        broker_unfollow(&world->broker, &reader->follower);
        auditor_reader_left(world, reader);
        reader->follows = false;
        set_next(world, reader, next_visit(world));
}

static uint64_t choose_claim(struct world *world, const struct reader *reader) {
        struct random *random = &world->random;

        switch (random_below(random, 8)) {
        case 0:
                return 0;
        case 1:
                return random_bits(random) >> random_below(random, 64);
        default:
                return reader->generation[reader->slot];
        }
}

/* The one that there is, if there is one alone. */
static unsigned default_slot(const struct world *world) {
        unsigned slot = 0;

        while (slot < SLOTS - 1 && !world->plans[slot].is_there)
                slot++;
        return slot;
}

static void come(struct world *world, struct reader *reader) {
        char name[2] = {0};
        struct reply reply;

        reader->by_default = random_one_in(&world->random, 4);
        reader->slot = reader->by_default ? default_slot(world)
                       : world->scenario == SCENARIO_CALM
                               ? 0
                               : (unsigned)random_below(&world->random, SLOTS);
        reader->claim = choose_claim(world, reader);
        if (!reader->by_default)
                name[0] = (char)letter_of(reader->slot);
        reply = broker_follow(&world->broker, &reader->follower, name, reader->claim, &reader->peer,
                              world->now);
        reader->follows = reply.kind == REPLY_WAIT;
        auditor_reader_came(world, reader, &reply);
        if (reader->follows)
                settle(world, reader);
        else
                set_next(world, reader, next_visit(world));
}

void reader_go_on(struct world *world, unsigned which) {
        struct reader *reader = &world->readers[which];

        if (!reader->follows) {
                come(world, reader);
        } else if (reader->is_busy) {
                broker_follower_is_ready(&world->broker, &reader->follower, world->now);
                settle(world, reader);
        } else {
                leave(world, reader);
        }
}

void reader_is_told(struct world *world, const struct effect *effect) {
        struct reader *reader = CONTAINER_OF(effect->follower, struct reader, follower);

        auditor_told(world, reader, effect);
        if (effect->news == NEWS_END) {
                reader->follows = false;
                set_next(world, reader, next_visit(world));
                return;
        }
        if (effect->news == NEWS_TOKEN)
                reader->generation[reader->slot] = effect->token->lease.generation;
        reader->is_busy = true;
        if (random_one_in(&world->random, 3)) {
                set_next(world, reader, some_time(world, 100 * world->pace));
                return;
        }
        broker_follower_is_ready(&world->broker, &reader->follower, world->now);
        settle(world, reader);
}

void readers_leave(struct world *world) {
        for (unsigned i = 0; i < READERS; i++)
                if (world->readers[i].follows)
                        leave(world, &world->readers[i]);
}
