/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "books.h"

/* A reply is decided at any time in a turn of the loop, and seen at its end. */
#define TURN (2 * NSEC_PER_MSEC)

void tallies_asked(const struct world *world, const struct worker *worker) {
        books.asked_at[worker - world->workers] = world->now;
}

void tallies_replied(const struct world *world, const struct worker *worker) {
        const struct reply *reply = &worker->request.reply;
        bool is_there = reply->token && !reply->token->removed;
        struct score *score = is_there ? &books.scores[worker->slot] : &books.score_of_none;

        score->replies[reply->kind]++;
        score->waited += world->now - books.asked_at[worker - world->workers];
}

void tallies_refused(unsigned slot, const struct reply *reply) {
        struct score *score = reply->token ? &books.scores[slot] : &books.score_of_none;

        score->replies[reply->kind]++;
}

void tallies_told(unsigned slot) {
        books.scores[slot].news++;
}

void tallies_ended(unsigned slot, enum outcome_kind kind) {
        books.scores[slot].attempts[kind]++;
}

void tallies_forget(unsigned slot) {
        memset(&books.scores[slot], 0, sizeof books.scores[slot]);
}

void tallies_forget_all(void) {
        memset(books.scores, 0, sizeof books.scores);
        memset(&books.score_of_none, 0, sizeof books.score_of_none);
}

static void check_tally(const struct world *world, const struct tally *tally,
                        const struct score *score) {
        uint64_t n_replies = 0, n_attempts = 0;

        for (int kind = 0; kind < N_REPLY_KINDS; kind++) {
                HOLDS(tally->replies[kind] == score->replies[kind],
                      "replies are counted as they are (kind %d)", kind);
                n_replies += score->replies[kind];
        }
        for (int kind = 0; kind < N_OUTCOME_KINDS; kind++) {
                HOLDS(tally->attempts[kind] == score->attempts[kind],
                      "attempts are counted as they end (kind %d)", kind);
                n_attempts += score->attempts[kind];
        }
        HOLDS(histogram_count(&tally->waits, HISTOGRAM_BOUNDS) == n_replies &&
                      histogram_count(&tally->durations, HISTOGRAM_BOUNDS) == n_attempts,
              "what is counted has its time");
        HOLDS(tally->news == score->news, "generations that are told are counted");
        HOLDS(tally->waits.sum <= score->waited &&
                      score->waited <= tally->waits.sum + n_replies * TURN,
              "how long replies were waited for is how long");
}

void tallies_check(const struct world *world) {
        for (size_t i = 0; i < world->broker.n_tokens; i++) {
                const struct broker_token *token = world->broker.tokens[i];

                check_tally(world, &token->tally, &books.scores[slot_of(token)]);
        }
        check_tally(world, &world->broker.tally, &books.score_of_none);
}
