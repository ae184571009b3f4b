/* SPDX-License-Identifier: MIT */
#include "books.h"

/* The broker's deadline is computed when it is asked for. */
static uint64_t deadline_of(const struct world *world) {
        return broker_deadline((struct broker *)(uintptr_t)&world->broker);
}

/* ---- when the timer has fired ---- */

static void check_done(const struct world *world, const struct broker_token *token) {
        const struct lease *lease = &token->lease;
        const struct ledger *ledger = &books.ledgers[slot_of(token)];
        int letter = letter_of(slot_of(token));

        HOLDS(lease->access_token.size == 0 || world->now < lease->floor_at,
              "%c is wiped at its floor", letter);
        HOLDS(world->now < lease_attempt_deadline(lease), "an attempt for %c is given up in time",
              letter);
        HOLDS(ledger->in_flight || ledger->retry_by == 0 || world->now <= ledger->retry_by,
              "what has failed for %c is tried again", letter);
}

void auditor_woken(const struct world *world) {
        books.n_wakeups++;
        HOLDS(books.n_wakeups <= 10 + 3 * (books.n_happened + world->life),
              "the timer fires for a reason");
        HOLDS(deadline_of(world) > world->now, "the timer does not spin");
        for (size_t i = 0; i < world->broker.n_tokens; i++)
                check_done(world, world->broker.tokens[i]);
        for (size_t i = 0; i < WORKERS && books.n_waiting > 0; i++)
                HOLDS(!world->workers[i].waits || world->now < world->workers[i].deadline,
                      "whoever waits has an answer at its deadline");
}

/* ---- always ---- */

void auditor_effect(const struct world *world, enum effect_kind kind, bool is_quiet) {
        HOLDS(!is_quiet || kind == EFFECT_NONE, "where there is something to do, that is said");
}

static void check_counts(const struct world *world) {
        const struct broker *broker = &world->broker;
        unsigned in_flight = 0;

        HOLDS(broker->waiters.n == books.n_waiting, "waiters are counted");
        for (size_t i = 0; i < broker->n_tokens; i++)
                HOLDS(broker->tokens[i]->n_waiting == books.waiting[slot_of(broker->tokens[i])],
                      "waiters of a token are counted");
        for (unsigned slot = 0; slot < SLOTS; slot++)
                in_flight += books.ledgers[slot].in_flight;
        HOLDS(broker->n_in_flight == in_flight, "attempts in flight are counted");
}

/* For all that is to come, the timer is armed. */
static void check_timer(const struct world *world) {
        const struct broker *broker = &world->broker;
        uint64_t deadline = deadline_of(world);

        HOLDS(deadline != NEVER, "something is always going to happen");
        for (size_t i = 0; i < broker->n_tokens; i++) {
                const struct ledger *ledger = &books.ledgers[slot_of(broker->tokens[i])];

                HOLDS(ledger->number == 0 || deadline <= ledger->floor_at ||
                              broker->tokens[i]->lease.access_token.size == 0,
                      "the timer is armed for the floor of a token");
        }
}

/* By then there is a token: five minutes after the last fault, Retry-After, and pause of a denial;
 * an attempt that hangs, and a small budget that serves many, take their time. */
static uint64_t well_by(const struct world *world, unsigned slot) {
        const struct plan *plan = &world->plans[slot];
        const struct ledger *ledger = &books.ledgers[slot];
        uint64_t from =
                time_max(world->calm_from, time_max(ledger->retry_until, ledger->paused_until));

        return from + 5 * MINUTE + plan->terms.attempt_timeout +
               SLOTS * MINUTE / books_budget(world, plan->account);
}

/* The default terms then have one for ever. */
static void check_recovery(const struct world *world) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                const struct plan *plan = &world->plans[slot];
                struct ledger *ledger = &books.ledgers[slot];
                bool has_token = ledger_has_token(ledger, world->now);

                if (!plan->is_there)
                        continue;
                ledger->is_well |= has_token;
                HOLDS(ledger->is_well || world->now <= well_by(world, slot),
                      "%c has a token five minutes after the last fault", letter_of(slot));
                HOLDS(has_token || !plan->is_default || ledger->granted_at < world->calm_from ||
                              ledger->life < HOUR,
                      "%c has a token as long as all is well", letter_of(slot));
        }
}

static void check_waiting(const struct world *world) {
        for (size_t i = 0; i < WORKERS && books.n_waiting > 0; i++) {
                const struct worker *worker = &world->workers[i];

                HOLDS(!worker->waits || !worker->is_plain ||
                              !ledger_has_token(&books.ledgers[worker->slot], world->now),
                      "nobody waits for a token that is there");
        }
}

void auditor_check(const struct world *world) {
        check_counts(world);
        tallies_check(world);
        copies_check(world);
        readers_check(world);
        if (world->n_events % 16 == 0)
                auditor_recount(world);
        check_waiting(world);
        check_timer(world);
        if (world->now >= world->calm_from)
                check_recovery(world);
}
