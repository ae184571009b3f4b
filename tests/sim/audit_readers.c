/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "books.h"

static struct story *story_of(const struct world *world, const struct reader *reader) {
        return &books.stories[reader - world->readers];
}

/* The only token there is. */
static bool is_default(const struct world *world, unsigned slot) {
        unsigned n = 0;

        for (unsigned i = 0; i < SLOTS; i++)
                n += world->plans[i].is_there;
        return n == 1 && world->plans[slot].is_there;
}

static bool may_follow(const struct world *world, const struct reader *reader) {
        return books_user_may_have(world, reader->peer.uid, reader->slot) &&
               (!reader->by_default || is_default(world, reader->slot));
}

/* ---- who follows ---- */

void auditor_reader_came(const struct world *world, const struct reader *reader,
                         const struct reply *reply) {
        const struct broker_token *token = reader->follower.token;
        struct story *story = story_of(world, reader);

        auditor_trace(world, "%c: reader %u knows %" PRIu64 ", gets %d", letter_of(reader->slot),
                      reader->peer.uid, reader->claim, reply->kind);
        if (reply->kind != REPLY_WAIT)
                tallies_refused(reader->slot, reply);
        if (reply->kind == REPLY_CROWDED)
                auditor_crowded(world, reader->peer.uid);
        else
                HOLDS((reply->kind == REPLY_WAIT) == may_follow(world, reader),
                      "who may have a token may follow it, and nobody else");
        if (reply->kind != REPLY_WAIT)
                return;
        HOLDS(token && slot_of(token) == reader->slot, "a reader follows what it asked for");
        /* What there has not been yet cannot be known. */
        story->generation = reader->claim <= token->lease.generation ? reader->claim : 0;
        story->has_token = story->generation > 0;
        books.n_following[reader->slot]++;
        books.n_follow++;
        auditor_has_place(world, reader->peer.uid);
}

static void stop(const struct reader *reader) {
        books.n_following[reader->slot]--;
        books.n_follow--;
}

void auditor_reader_left(const struct world *world, const struct reader *reader) {
        HOLDS(!reader->follower.token, "who has left does not follow");
        stop(reader);
}

/* ---- what it is told ---- */

static void hear(const struct world *world, const struct effect *effect) {
        const struct ledger *ledger = &books.ledgers[slot_of(effect->token)];
        struct slice heard;

        if (!books_hear(world))
                return;
        ears_at(world->now);
        heard = ears_news(effect->token, effect->news, world->now);
        HOLDS(ears_count_tokens(heard) == 0, "no token is in an event");
        HOLDS(ears_number(heard, "\"generation\":") == effect->token->lease.generation,
              "an event has the generation that it is about");
        if (effect->news == NEWS_TOKEN)
                HOLDS(ears_number(heard, "\"expires_in\":") ==
                              (ledger->expires_at - world->now) / SECOND,
                      "an event says for how long the token is good");
}

static void check_token(const struct world *world, struct story *story, unsigned slot,
                        uint64_t generation) {
        HOLDS(ledger_has_token(&books.ledgers[slot], world->now),
              "who follows is told of a token that there is");
        HOLDS(generation > story->generation, "each generation is told once, in their order");
        story->generation = generation;
        story->has_token = true;
        tallies_told(slot);
}

void auditor_told(const struct world *world, const struct reader *reader,
                  const struct effect *effect) {
        struct story *story = story_of(world, reader);

        auditor_trace(world, "%c: reader %u is told %d", letter_of(reader->slot), reader->peer.uid,
                      effect->news);
        HOLDS(reader->follows, "who does not follow is told nothing");
        if (effect->news == NEWS_END) {
                HOLDS(!may_follow(world, reader), "who may follow does");
                HOLDS(!reader->follower.token, "the end is the end");
                stop(reader);
                return;
        }
        HOLDS(!reader->is_busy, "a reader is told one thing at a time");
        HOLDS(may_follow(world, reader), "who may not have a token any more is told nothing of it");
        HOLDS(slot_of(effect->token) == reader->slot, "a reader is told of what it follows");
        hear(world, effect);
        if (effect->news == NEWS_TOKEN) {
                check_token(world, story, reader->slot, effect->token->lease.generation);
                return;
        }
        HOLDS(effect->news == NEWS_GONE && story->has_token,
              "who is told that a token is gone knew of it");
        HOLDS(!ledger_has_token(&books.ledgers[reader->slot], world->now),
              "what is said to be gone is");
        story->has_token = false;
}

/* ---- always ---- */

/* What there is, who follows and is not busy knows. A token whose floor has come is given up when
 * the timer fires. */
static void check_reader(const struct world *world, const struct reader *reader) {
        const struct story *story = story_of(world, reader);
        const struct lease *lease = &reader->follower.token->lease;

        HOLDS(may_follow(world, reader), "who may not have a token any more does not follow it");
        if (reader->is_busy)
                return;
        if (ledger_has_token(&books.ledgers[reader->slot], world->now))
                HOLDS(story->has_token && story->generation == lease->generation,
                      "whoever follows is told each new generation");
        else
                HOLDS(!story->has_token || lease->access_token.size > 0,
                      "whoever follows is told when there is no token any more");
}

void readers_check(const struct world *world) {
        const struct broker *broker = &world->broker;

        HOLDS(broker->followers.n == books.n_follow, "who follows is counted");
        for (size_t i = 0; i < broker->n_tokens; i++)
                HOLDS(broker->tokens[i]->n_followers ==
                              books.n_following[slot_of(broker->tokens[i])],
                      "who follows a token is counted");
        for (size_t i = 0; i < READERS; i++)
                if (world->readers[i].follows)
                        check_reader(world, &world->readers[i]);
}
