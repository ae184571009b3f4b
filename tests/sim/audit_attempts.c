/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "books.h"
#include "ears.h"

static uint64_t number_of(const struct broker_token *token) {
        return issuer_number(secret_slice(&token->lease.access_token));
}

/* ---- its beginning ---- */

/* Sent in the last minute, or about to be. */
static unsigned spent(const struct world *world, unsigned account) {
        unsigned n = 0;

        for (unsigned i = books.n_sent[account]; i > 0 && n < SENT_MAX; i--) {
                if (books.sent[account][(i - 1) % SENT_MAX] + MINUTE <= world->now)
                        break;
                n++;
        }
        for (size_t i = 0; i < FETCHES; i++) {
                const struct fetch *fetch = &world->fetches[i];

                n += fetch_is_in_flight(world, fetch) && fetch->sent_at == 0 &&
                     fetch->account == account;
        }
        return n;
}

/* For a minute after a start that knows nothing, what is sent is evenly apart; from start to start,
 * for of one in flight it is not known when it was sent. */
static void check_cold(const struct world *world, unsigned account) {
        uint64_t spacing = MINUTE / books_budget(world, account);
        uint64_t last = books.sent_start[account];

        HOLDS(world->now >= books.cold_until || last == 0 || world->now >= last + spacing,
              "what is sent after a start is apart, for account %u", account);
        for (size_t i = 0; i < FETCHES && world->now < books.cold_until; i++) {
                const struct fetch *fetch = &world->fetches[i];

                HOLDS(!fetch_is_in_flight(world, fetch) || fetch->account != account ||
                              world->now >= fetch->started_at + spacing,
                      "attempts after a start are apart, for account %u", account);
        }
}

/* A token is renewed before its time if somebody wants that, and workers not too often. */
static void check_early(const struct world *world, unsigned slot) {
        struct ledger *ledger = &books.ledgers[slot];

        ledger->is_forced = ledger_has_token(ledger, world->now) &&
                            world->now < ledger->early_until && !ledger->may_renew;
        if (!ledger->is_forced)
                return;
        HOLDS(ledger->is_wished, "%c is not renewed too early", letter_of(slot));
        HOLDS(ledger->is_refused || world->now >= ledger->granted_at + 30 * SECOND,
              "min_valid renews no young token");
        HOLDS(world->now >= ledger->forced_until, "renewals that workers force are apart");
}

/* A calm year has nothing that puts off a renewal but its outages, and what workers force. */
static void check_late(const struct world *world, unsigned slot) {
        const struct ledger *ledger = &books.ledgers[slot];

        if (world->scenario == SCENARIO_CALM && ledger->number > 0 && !ledger->may_renew &&
            !ledger->is_forced)
                HOLDS(world->now <= ledger->late_from + MINUTE, "%c is not renewed too late",
                      letter_of(slot));
}

void auditor_started(const struct world *world, unsigned slot) {
        struct ledger *ledger = &books.ledgers[slot];
        const struct plan *plan = &world->plans[slot];
        uint64_t apart = time_min(plan->terms.min_renewal_interval, ledger->life / 2);

        auditor_trace(world, "%c: fetch", letter_of(slot));
        HOLDS(plan->is_there, "no attempt for %c, which is not configured", letter_of(slot));
        HOLDS(!ledger->in_flight, "one attempt at a time for %c", letter_of(slot));
        HOLDS(world->now >= ledger->retry_until, "no attempt for %c before Retry-After",
              letter_of(slot));
        HOLDS(world->now >= ledger->paused_until, "no attempt for %c in its pause",
              letter_of(slot));
        HOLDS(ledger->granted_at == 0 || world->now >= ledger->granted_at + apart,
              "successes of %c are apart", letter_of(slot));
        HOLDS(spent(world, plan->account) < books_budget(world, plan->account),
              "at most %u requests a minute for account %u", books_budget(world, plan->account),
              plan->account);
        check_cold(world, plan->account);
        check_early(world, slot);
        check_late(world, slot);
        ledger->in_flight = true;
        ledger->started_at = broker_find(&world->broker, plan->name)->lease.started_at;
        ledger->retry_by = 0;
        books.n_happened++;
}

void auditor_sent(const struct world *world, const struct fetch *fetch) {
        unsigned account = fetch->account;

        auditor_trace(world, "%c: sent", letter_of(fetch->slot));
        books.sent[account][books.n_sent[account]++ % SENT_MAX] = world->now;
        books.sent_start[account] = time_max(books.sent_start[account], fetch->started_at);
}

/* ---- its end ---- */

static void hear(const struct world *world, const struct broker_token *token, bool has_expired) {
        if (!books_hear(world))
                return;
        ears_at(world->now);
        HOLDS(ears_count_tokens(ears_journal(&world->broker, token, has_expired, world->now)) == 0,
              "no token is in the journal, and none in the status");
}

void auditor_before(const struct world *world, unsigned slot, const struct outcome *outcome) {
        const struct broker_token *token = broker_find(&world->broker, world->plans[slot].name);

        books.before = (struct before){
                .number = number_of(token),
                .generation = token->lease.generation,
                .expires_at = token->lease.expires_at,
                .outcome = *outcome,
                .new_number = issuer_number(secret_slice(&outcome->access_token)),
        };
        auditor_trace(world,
                      "%c: outcome %d, HTTP %d, Retry-After %" PRIu64 ", token %" PRIu64
                      " for %" PRIu64 " s",
                      letter_of(slot), outcome->kind, outcome->status, outcome->retry_after,
                      books.before.new_number, outcome->expires_in);
}

/* What those who wait still wish of the token that has come. */
static void note_wishes(const struct world *world, unsigned slot) {
        struct ledger *ledger = &books.ledgers[slot];

        ledger->is_wished = ledger->is_refused = false;
        for (unsigned i = 0; i < WORKERS; i++) {
                const struct worker *worker = &world->workers[i];

                if (!worker->waits || worker->slot != slot)
                        continue;
                ledger->is_wished |= !worker->is_plain;
                ledger->is_refused |= worker->want.after > 0;
        }
}

/* False: it is of no use any more. */
static bool note_grant(const struct world *world, unsigned slot) {
        const struct terms *terms = &world->plans[slot].terms;
        const struct outcome *outcome = &books.before.outcome;
        struct ledger *ledger = &books.ledgers[slot];
        uint64_t life = outcome->expires_in * SECOND, expires_at = outcome->sent_at + life;
        uint64_t floor_at = expires_at - time_min(terms->floor, life / 10);

        if (floor_at <= world->now)
                return false;
        ledger->number = books.before.new_number;
        ledger->expires_at = expires_at;
        ledger->floor_at = floor_at;
        ledger->late_from = expires_at - time_min(terms->refresh_ahead, life / 4);
        ledger->early_until = ledger->late_from - time_min(MINUTE, life / 20);
        if (ledger->is_forced)
                ledger->forced_until = world->now + terms->renewal_pause;
        ledger->granted_at = world->now;
        ledger->life = life;
        ledger->retry_until = ledger->retry_by = 0;
        ledger_end_pause(ledger);
        ledger->is_denied = ledger->is_forced = false;
        ledger->may_renew = ledger->may_renew_again;
        note_wishes(world, slot);
        return true;
}

/* How long a failure may hold off the next attempt. */
static uint64_t longest_hold(const struct terms *terms, enum outcome_kind kind) {
        switch (kind) {
        case OUTCOME_DENIED:
                return terms->denied_max;
        case OUTCOME_MISCONFIGURED:
                return terms->misconfigured_pause;
        case OUTCOME_FAILED:
        case OUTCOME_GRANTED:
                break;
        }
        return time_max(terms->retry_max, MINUTE);
}

/* For how long a failure holds off the next attempt, at least. */
static uint64_t pause_after(struct ledger *ledger, const struct terms *terms,
                            enum outcome_kind kind, uint64_t now) {
        uint64_t pause = terms->denied_min;

        switch (kind) {
        case OUTCOME_DENIED:
                ledger->n_failures = 0;
                for (unsigned i = 0; i < ledger->n_denials && pause < terms->denied_max; i++)
                        pause *= 2;
                ledger->n_denials++;
                return now + time_min(pause, terms->denied_max);
        case OUTCOME_MISCONFIGURED:
                ledger->n_failures = 0;
                return now + terms->misconfigured_pause;
        case OUTCOME_FAILED:
        case OUTCOME_GRANTED:
                break;
        }
        if (ledger->n_failures++ == 0)
                return now + terms->retry_min / 2;
        return ledger->started_at + MINUTE / terms->requests_per_minute;
}

static void note_failure(const struct world *world, unsigned slot) {
        const struct terms *terms = &world->plans[slot].terms;
        const struct outcome *outcome = &books.before.outcome;
        struct ledger *ledger = &books.ledgers[slot];

        if (outcome->retry_after > 0)
                ledger->retry_until = world->now + time_min(outcome->retry_after, 3600) * SECOND;
        ledger->is_denied = outcome->kind == OUTCOME_DENIED;
        if (ledger->may_renew_again) /* it is tried at once */
                ledger_end_pause(ledger);
        else
                ledger->paused_until = pause_after(ledger, terms, outcome->kind, world->now);
        ledger->may_renew = true;
        ledger->retry_by = time_max(world->now + longest_hold(terms, outcome->kind),
                                    time_max(ledger->retry_until,
                                             ledger->granted_at + terms->min_renewal_interval)) +
                           PATIENCE;
}

/* Whatever was configured or forgotten before. */
static void check_grant(const struct world *world, unsigned slot,
                        const struct broker_token *token) {
        struct ledger *ledger = &books.ledgers[slot];
        uint64_t generation = token->lease.generation;

        if (books.before.number != books.before.new_number)
                HOLDS(generation > ledger->top_generation, "another token is a newer generation");
        else
                HOLDS(generation == books.before.generation,
                      "the same token is the same generation");
        ledger->top_generation = generation;
}

static void check_failure(const struct world *world, unsigned slot,
                          const struct broker_token *token) {
        const struct ledger *ledger = &books.ledgers[slot];

        HOLDS(token->lease.generation == books.before.generation,
              "a failure changes no generation");
        if (world->now < ledger->floor_at || ledger->number == 0)
                HOLDS(number_of(token) == books.before.number &&
                              token->lease.expires_at == books.before.expires_at,
                      "a failure changes neither token nor expiry");
}

void auditor_after(const struct world *world, unsigned slot, bool is_current,
                   const struct broker_token *token) {
        struct ledger *ledger = &books.ledgers[slot];

        HOLDS(is_current == (token != NULL), "an answer counts if its attempt is in flight");
        books.n_happened++;
        if (!is_current)
                return;
        HOLDS(slot_of(token) == slot, "an answer is for the token that it was asked for");
        ledger->in_flight = false;
        if (books.before.outcome.kind == OUTCOME_GRANTED && note_grant(world, slot)) {
                tallies_ended(slot, OUTCOME_GRANTED);
                check_grant(world, slot, token);
        } else {
                tallies_ended(slot, books.before.outcome.kind == OUTCOME_GRANTED
                                            ? OUTCOME_FAILED
                                            : books.before.outcome.kind);
                note_failure(world, slot);
                check_failure(world, slot, token);
        }
        ledger->may_renew_again = false;
        HOLDS(world->now < token->lease.floor_at || token->lease.access_token.size == 0,
              "what is past its floor is given up when its attempt ends");
        hear(world, token, false);
}

/* Nothing came in time: as a failure without an answer. Of what is no longer configured, nothing is
 * said. */
void auditor_abandoned(const struct world *world, const struct broker_token *token) {
        unsigned slot = slot_of(token);

        auditor_trace(world, "%c: given up", letter_of(slot));
        books.ledgers[slot].in_flight = false;
        books.n_happened++;
        if (token->removed)
                return;
        books.before.outcome = (struct outcome){.kind = OUTCOME_FAILED};
        tallies_ended(slot, OUTCOME_FAILED);
        note_failure(world, slot);
        books.ledgers[slot].may_renew_again = false;
        hear(world, token, false);
}

void auditor_expired(const struct world *world, const struct broker_token *token) {
        unsigned slot = slot_of(token);

        auditor_trace(world, "%c: has expired", letter_of(slot));
        HOLDS(!ledger_has_token(&books.ledgers[slot], world->now),
              "what is said to be given up is over");
        hear(world, token, true);
}
