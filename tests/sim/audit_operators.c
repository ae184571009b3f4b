/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "books.h"
#include "ears.h"

static void forget_token(struct ledger *ledger, uint64_t now) {
        *ledger = (struct ledger){
                .in_flight = ledger->in_flight,
                .is_wished = ledger->is_wished,
                .is_refused = ledger->is_refused,
                .retry_by = now + PATIENCE,
                .top_generation = ledger->top_generation,
                .last_generation = ledger->last_generation,
                .last_number = ledger->last_number,
        };
}

void auditor_refreshed(const struct world *world, unsigned slot) {
        const struct broker_token *token = broker_find(&world->broker, world->plans[slot].name);
        struct ledger *ledger = &books.ledgers[slot];

        ledger->may_renew = true;
        ledger->may_renew_again = token && lease_in_flight(&token->lease);
        if (ledger->may_renew_again)
                return;
        ledger_end_pause(ledger);
}

void auditor_reconfigured(const struct world *world, unsigned slot, bool is_another) {
        auditor_trace(world, "%c: %s%s", letter_of(slot),
                      world->plans[slot].is_there ? "is there" : "is not",
                      is_another ? ", another one" : "");
        for (unsigned i = 0; i < SLOTS; i++)
                auditor_refreshed(world, i);
        copies_called_in(world);
        if (is_another)
                forget_token(&books.ledgers[slot], world->now);
        if (!world->plans[slot].is_there)
                tallies_forget(slot);
}

/* What is to be tried by some time is tried some time after NOW. */
static uint64_t patience(const struct world *world, const struct ledger *ledger) {
        return time_max(world->now, ledger->retry_until) + PATIENCE;
}

bool auditor_clock_was_set(const struct world *world) {
        uint64_t offset, before = books.clock_offset;

        ears_at(world->now);
        offset = ears_wall_clock() - world->now;
        if (offset == before)
                return false;
        books.clock_offset = offset;
        copies_called_in(world);
        return true;
}

void auditor_slept(const struct world *world) {
        copies_called_in(world);
        books.slept_at = world->now;
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                struct ledger *ledger = &books.ledgers[slot];

                if (ledger->retry_by > 0)
                        ledger->retry_by = time_max(ledger->retry_by, patience(world, ledger));
        }
}

void auditor_restarted(const struct world *world, bool is_blank) {
        tallies_forget_all();
        copies_called_in(world);
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                struct ledger *ledger = &books.ledgers[slot];

                ledger->in_flight = false;
                ledger->is_denied = false;
                ledger_end_pause(ledger);
                ledger->may_renew_again = false;
                ledger->retry_by =
                        ledger_has_token(ledger, world->now) ? 0 : patience(world, ledger);
                if (is_blank)
                        forget_token(ledger, world->now);
        }
        if (!is_blank)
                return;
        memset(books.n_sent, 0, sizeof books.n_sent);
        memset(books.sent_start, 0, sizeof books.sent_start);
        books.cold_until = world->now + MINUTE;
}
