/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "books.h"

void copies_given(const struct world *world, const struct worker *worker) {
        const struct broker_token *token = worker->request.reply.token;
        uint64_t epoch = epochs_at(&world->broker.epochs, token->slot);

        HOLDS(epoch > 0 && epoch < EPOCH_MAX, "what is handed out may be kept");
        books.copies[worker - world->workers][worker->slot] = (struct copy){
                .slot = token->slot,
                .epoch = epoch,
                .given_at = world->now,
                .number = books.ledgers[worker->slot].number,
                .until = books.ledgers[worker->slot].floor_at,
        };
}

void copies_called_in(const struct world *world) {
        books.called_in_at = world->now;
}

/* A worker that keeps a token uses it as long as it may, whatever happens meanwhile. */
static void check(const struct world *world, const struct worker *worker, unsigned slot) {
        const struct copy *copy = &books.copies[worker - world->workers][slot];
        const struct ledger *ledger = &books.ledgers[slot];
        bool is_good = epochs_at(&world->broker.epochs, copy->slot) == copy->epoch;

        if (copy->epoch == 0 || world->now >= copy->until)
                return;
        if (is_good) {
                HOLDS(books_may_have(world, worker, slot),
                      "who may not have a token any more keeps none");
                HOLDS(copy->number == ledger->number, "what is kept is what would be handed out");
                HOLDS(copy->given_at >= books.slept_at, "nothing is kept over a suspend");
        } else {
                HOLDS(copy->given_at <= time_max(books.called_in_at, ledger->granted_at),
                      "what is kept is called in for a reason");
        }
}

void copies_check(const struct world *world) {
        for (unsigned i = 0; i < REGULARS; i++)
                for (unsigned slot = 0; slot < SLOTS; slot++)
                        check(world, &world->workers[i], slot);
}
