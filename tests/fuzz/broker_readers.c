/* SPDX-License-Identifier: MIT */
#include "broker_readers.h"
#include "fuzz.h"

static bool may_follow(const struct reader *reader, const struct books *books) {
        const struct plan *plan;

        if (!books->is_configured || reader->slot < 0)
                return false;
        plan = &books->ledgers[reader->slot].plan;
        return plan->is_there && (plan->users == 0 || plan->users & 1U << reader->peer.uid) &&
               (!reader->by_default || books->default_slot == reader->slot);
}

void reader_come(struct reader *reader, const struct books *books, struct broker *broker,
                 const char *name, unsigned user, uint64_t generation, uint64_t now) {
        struct reply reply;

        if (reader->follows)
                return;
        reader->peer = (struct peer){.uid = user};
        reader->by_default = !name[0];
        reader->slot = books->is_configured ? books_slot_asked(books, name, false) : -1;
        reply = broker_follow(broker, &reader->follower, name, generation, &reader->peer, now);
        HOLDS((reply.kind == REPLY_UNCONFIGURED) == !books->is_configured,
              "what is not configured says so");
        reader->follows = reply.kind == REPLY_WAIT;
        HOLDS(reader->follows == may_follow(reader, books),
              "who may have a token may follow it, and nobody else");
        if (!reader->follows)
                return;
        HOLDS((int)books_slot(reply.token) == reader->slot,
              "who follows follows what it asked for");
        reader->generation = generation <= reply.token->lease.generation ? generation : 0;
        reader->has_token = reader->generation > 0;
        reader->is_busy = false;
}

void reader_leave(struct reader *reader, struct broker *broker) {
        broker_unfollow(broker, &reader->follower);
        reader->follows = false;
}

void reader_is_ready(struct reader *reader, struct broker *broker, uint64_t now) {
        if (!reader->follows || !reader->is_busy)
                return;
        reader->is_busy = false;
        broker_follower_is_ready(broker, &reader->follower, now);
}

void reader_told(const struct books *books, const struct effect *effect, uint64_t now) {
        struct reader *reader = CONTAINER_OF(effect->follower, struct reader, follower);
        const struct ledger *ledger;
        bool is_there;

        HOLDS(reader->follows, "who does not follow is told nothing");
        if (effect->news == NEWS_END) {
                HOLDS(!may_follow(reader, books), "who may follow does");
                reader->follows = false;
                return;
        }
        HOLDS(may_follow(reader, books) && (int)books_slot(effect->token) == reader->slot,
              "who may not have a token is told nothing of it");
        HOLDS(!reader->is_busy, "one thing is told at a time");
        reader->is_busy = true;
        ledger = &books->ledgers[reader->slot];
        is_there = ledger->has_token && now < ledger->floor_at;
        if (effect->news == NEWS_TOKEN) {
                HOLDS(is_there, "what is told of is there");
                HOLDS(effect->token->lease.generation > reader->generation,
                      "each generation is told once, in their order");
                reader->generation = effect->token->lease.generation;
        } else {
                HOLDS(effect->news == NEWS_GONE && reader->has_token && !is_there,
                      "what was there is told to be gone");
        }
        reader->has_token = effect->news == NEWS_TOKEN;
}

static void check(const struct reader *reader, const struct books *books, uint64_t now) {
        const struct ledger *ledger;
        const struct lease *lease;

        HOLDS(reader->follows == (reader->follower.token != NULL), "who follows is known to");
        if (!reader->follows)
                return;
        lease = &reader->follower.token->lease;
        HOLDS(may_follow(reader, books), "who may not have a token any more does not follow it");
        if (reader->is_busy)
                return;
        ledger = &books->ledgers[reader->slot];
        if (ledger->has_token && now < ledger->floor_at)
                HOLDS(reader->has_token && reader->generation == lease->generation,
                      "whoever follows is told each new generation");
        else
                HOLDS(!reader->has_token || lease->access_token.size > 0,
                      "whoever follows is told when there is no token any more");
}

void readers_check(const struct reader readers[READERS], const struct books *books,
                   const struct broker *broker, uint64_t now) {
        unsigned n = 0;

        for (size_t i = 0; i < READERS; i++) {
                check(&readers[i], books, now);
                n += readers[i].follows;
        }
        HOLDS(broker->followers.n == n, "who follows is counted");
        for (size_t i = 0; i < broker->n_tokens; i++) {
                unsigned n_followers = 0;

                for (size_t k = 0; k < READERS; k++)
                        n_followers += readers[k].follower.token == broker->tokens[i];
                HOLDS(broker->tokens[i]->n_followers == n_followers,
                      "who follows a token is counted");
        }
}
