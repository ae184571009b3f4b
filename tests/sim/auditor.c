/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor.h"

#define SECOND NSEC_PER_SEC
#define MINUTE NSEC_PER_MIN

/* More than any budget of a plan. */
#define SENT_MAX 32u

/* What is known of a token, by its slot. */
struct ledger {
        /* The one that may be handed out: by the issuer's number; 0: none. */
        uint64_t number;
        uint64_t expires_at;
        uint64_t floor_at;

        uint64_t granted_at; /* the last success; 0: none that counts */
        uint64_t life;
        uint64_t retry_until; /* by Retry-After */
        bool in_flight;
        bool is_denied; /* by the last attempt that has ended */

        /* What was handed out last, whatever was configured or forgotten since. */
        uint64_t last_generation;
        uint64_t last_number;

        bool is_well; /* there was a token since all faults ended */
};

/* How a token was before an attempt's end. */
struct before {
        uint64_t number;
        uint64_t generation;
        uint64_t expires_at;
        struct outcome outcome; /* without its token: */
        uint64_t new_number;
};

static struct {
        uint64_t seed;
        bool traces;
        struct ledger ledgers[SLOTS];
        uint64_t sent[ACCOUNTS][SENT_MAX];
        unsigned n_sent[ACCOUNTS];
        struct before before;
        uint64_t n_wakeups, n_happened; /* what a wake-up may be good for */
        bool had_token;
} books;

static const char *const scenario_names[N_SCENARIOS] = {
        [SCENARIO_CALM] = "calm", [SCENARIO_CHAOS] = "chaos", [SCENARIO_RECOVERY] = "recovery"};

/* ---- telling ---- */

void auditor_trace_all(void) {
        books.traces = true;
}

void auditor_trace(const struct world *world, const char *format, ...) {
        va_list arguments;

        if (!books.traces)
                return;
        printf("%14.6f  ", (double)world->now / SECOND);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
}

__attribute__((format(printf, 2, 3), noreturn)) static void violated(const struct world *world,
                                                                     const char *format, ...) {
        va_list arguments;

        printf("violated: ");
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n  at %.6f s, event %" PRIu64 "; again, with all that led to it:\n"
               "  sim --scenario %s --seed %" PRIu64 " --trace\n",
               (double)world->now / SECOND, world->n_events, scenario_names[world->scenario],
               books.seed);
        fflush(stdout);
        exit(1);
}

#define HOLDS(condition, ...)                                                                      \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        violated(world, __VA_ARGS__);                                              \
        } while (0)

static int letter(unsigned slot) {
        return 'a' + (int)slot;
}

/* ---- beginnings ---- */

void auditor_begin(const struct world *world, uint64_t seed) {
        bool traces = books.traces;

        memset(&books, 0, sizeof books);
        books.traces = traces;
        books.seed = seed;
}

static void forget_token(struct ledger *ledger) {
        ledger->number = 0;
        ledger->granted_at = 0;
        ledger->retry_until = 0;
        ledger->is_denied = false;
}

void auditor_reconfigured(const struct world *world, unsigned slot, bool is_another) {
        auditor_trace(world, "%c: %s%s", letter(slot),
                      world->plans[slot].is_there ? "is there" : "is not",
                      is_another ? ", another one" : "");
        if (is_another)
                forget_token(&books.ledgers[slot]);
}

void auditor_restarted(const struct world *world, bool is_blank) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                books.ledgers[slot].in_flight = false;
                books.ledgers[slot].is_denied = false;
                if (is_blank)
                        forget_token(&books.ledgers[slot]);
        }
        if (is_blank)
                memset(books.n_sent, 0, sizeof books.n_sent);
}

/* ---- fetches ---- */

/* The smallest one of those that share it. */
static unsigned budget_of(const struct world *world, unsigned account) {
        unsigned least = UINT32_MAX;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                const struct plan *plan = &world->plans[slot];

                if (plan->is_there && plan->account == account &&
                    plan->terms.requests_per_minute < least)
                        least = plan->terms.requests_per_minute;
        }
        return least;
}

/* Sent in the last minute, or about to be. */
static unsigned spent(const struct world *world, unsigned account) {
        unsigned n = 0;

        for (unsigned i = 0; i < books.n_sent[account] && i < SENT_MAX; i++)
                n += books.sent[account][i] + MINUTE > world->now;
        for (size_t i = 0; i < FETCHES; i++) {
                const struct fetch *fetch = &world->fetches[i];

                n += fetch_is_in_flight(world, fetch) && fetch->sent_at == 0 &&
                     world->plans[fetch->slot].account == account;
        }
        return n;
}

void auditor_started(const struct world *world, unsigned slot) {
        struct ledger *ledger = &books.ledgers[slot];
        const struct plan *plan = &world->plans[slot];
        uint64_t apart = time_min(plan->terms.min_renewal_interval, ledger->life / 2);

        auditor_trace(world, "%c: fetch", letter(slot));
        HOLDS(plan->is_there, "no attempt for %c, which is not configured", letter(slot));
        HOLDS(!ledger->in_flight, "one attempt at a time for %c", letter(slot));
        HOLDS(world->now >= ledger->retry_until, "no attempt for %c before Retry-After",
              letter(slot));
        HOLDS(ledger->granted_at == 0 || world->now >= ledger->granted_at + apart,
              "successes of %c are apart", letter(slot));
        HOLDS(spent(world, plan->account) < budget_of(world, plan->account),
              "at most %u requests a minute for account %u", budget_of(world, plan->account),
              plan->account);
        ledger->in_flight = true;
        books.n_happened++;
}

void auditor_sent(const struct world *world, unsigned slot) {
        unsigned account = world->plans[slot].account;

        auditor_trace(world, "%c: sent", letter(slot));
        books.sent[account][books.n_sent[account]++ % SENT_MAX] = world->now;
}

void auditor_abandoned(const struct world *world, unsigned slot) {
        auditor_trace(world, "%c: given up", letter(slot));
        books.ledgers[slot].in_flight = false;
        books.n_happened++;
}

static uint64_t number_of(const struct broker_token *token) {
        return issuer_number(secret_slice(&token->lease.access_token));
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
                      letter(slot), outcome->kind, outcome->status, outcome->retry_after,
                      books.before.new_number, outcome->expires_in);
}

/* False: it is of no use any more. */
static bool note_grant(const struct world *world, struct ledger *ledger, const struct plan *plan) {
        const struct outcome *outcome = &books.before.outcome;
        uint64_t life = outcome->expires_in * SECOND, expires_at = outcome->sent_at + life;
        uint64_t floor_at = expires_at - time_min(plan->terms.floor, life / 10);

        if (floor_at <= world->now)
                return false;
        ledger->number = books.before.new_number;
        ledger->expires_at = expires_at;
        ledger->floor_at = floor_at;
        ledger->granted_at = world->now;
        ledger->life = life;
        ledger->retry_until = 0;
        ledger->is_denied = false;
        return true;
}

static void note_failure(const struct world *world, struct ledger *ledger,
                         const struct broker_token *token) {
        const struct outcome *outcome = &books.before.outcome;

        if (outcome->retry_after > 0)
                ledger->retry_until = world->now + time_min(outcome->retry_after, 3600) * SECOND;
        ledger->is_denied = outcome->kind == OUTCOME_DENIED;
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
        if (books.before.outcome.kind != OUTCOME_GRANTED ||
            !note_grant(world, ledger, &world->plans[slot]))
                note_failure(world, ledger, token);
}

/* ---- replies ---- */

static bool may_have(const struct plan *plan, const struct worker *worker) {
        for (size_t i = 0; i < plan->n_users; i++)
                if (plan->users[i] == worker->peer.uid)
                        return plan->is_there;
        return plan->is_there && plan->n_users == 0;
}

static void check_token(const struct world *world, const struct worker *worker) {
        const struct broker_token *token = worker->request.reply.token;
        struct ledger *ledger = &books.ledgers[worker->slot];
        uint64_t number = number_of(token), generation = token->lease.generation;

        HOLDS(slot_of(token) == worker->slot, "a worker gets the token that it asked for");
        HOLDS(number == ledger->number, "what is handed out is what was granted last");
        HOLDS(world->now < ledger->floor_at, "nothing is handed out past its floor");
        HOLDS(world->now < issuer_expiry(&world->issuers[worker->slot], number),
              "nothing is handed out that the endpoint knows to be dead");
        HOLDS(generation != worker->want.after, "what was refused is not given again");
        HOLDS(generation >= ledger->last_generation, "generations only rise");
        HOLDS(generation > ledger->last_generation || number == ledger->last_number,
              "a generation is one token");
        ledger->last_generation = generation;
        ledger->last_number = number;
}

/* Whoever asks for nothing special is not refused while there is a token. */
static void check_refusal(const struct world *world, const struct worker *worker) {
        const struct ledger *ledger = &books.ledgers[worker->slot];
        bool is_valid = ledger->number > 0 && world->now < ledger->floor_at;

        HOLDS(!worker->is_plain || !is_valid, "a valid token is handed out (instead: reply %d)",
              worker->request.reply.kind);
        HOLDS(!worker->is_plain || worker->request.reply.kind != REPLY_PAUSED,
              "only who wants a newer one can be told to slow down");
        HOLDS(worker->request.reply.kind != REPLY_DENIED || ledger->is_denied,
              "502 is told when the endpoint has refused");
        HOLDS(world->scenario != SCENARIO_CALM || !worker->is_plain || !books.had_token,
              "an outage of four minutes is hidden");
}

static void check_wait(const struct world *world, const struct worker *worker, bool at_once) {
        enum reply_kind kind = worker->request.reply.kind;

        if (kind == REPLY_TIMEOUT || kind == REPLY_UNAVAILABLE)
                HOLDS(world->now >= worker->deadline, "nobody is told too early that it is late");
        HOLDS(at_once || kind != REPLY_UNKNOWN, "who waits waits for something");
}

void auditor_replied(const struct world *world, const struct worker *worker, bool at_once) {
        const struct plan *plan = &world->plans[worker->slot];
        enum reply_kind kind = worker->request.reply.kind;
        bool allowed = may_have(plan, worker);

        auditor_trace(world, "%c: worker %u gets %d", letter(worker->slot), worker->peer.uid, kind);
        books.n_happened++;
        check_wait(world, worker, at_once);
        if (kind == REPLY_UNKNOWN || kind == REPLY_FORBIDDEN) {
                HOLDS(!allowed, "who may have a token is not sent away");
                return;
        }
        HOLDS(allowed, "who may not have a token gets none, and learns nothing of it");
        if (kind == REPLY_TOKEN)
                check_token(world, worker);
        else
                check_refusal(world, worker);
        books.had_token |= kind == REPLY_TOKEN;
}

/* ---- at each event ---- */

void auditor_woken(const struct world *world) {
        books.n_wakeups++;
        HOLDS(books.n_wakeups <= 10 + 3 * (books.n_happened + world->life),
              "the timer fires for a reason");
}

static void check_counts(const struct world *world) {
        const struct broker *broker = &world->broker;
        uint64_t waiting[SLOTS] = {0}, n_waiting = 0;
        unsigned in_flight = 0;

        for (size_t i = 0; i < WORKERS; i++) {
                const struct worker *worker = &world->workers[i];

                HOLDS(worker->waits == waiter_waits(&worker->request.waiter),
                      "who waits is known to wait");
                if (!worker->waits)
                        continue;
                waiting[worker->slot]++;
                n_waiting++;
        }
        HOLDS(broker->waiters.n == n_waiting, "waiters are counted");
        for (size_t i = 0; i < broker->n_tokens; i++)
                HOLDS(broker->tokens[i]->n_waiting == waiting[slot_of(broker->tokens[i])],
                      "waiters of a token are counted");
        for (unsigned slot = 0; slot < SLOTS; slot++)
                in_flight += books.ledgers[slot].in_flight;
        HOLDS(broker->n_in_flight == in_flight, "attempts in flight are counted");
        HOLDS(in_flight > 0 || broker_deadline((struct broker *)(uintptr_t)broker) != NEVER,
              "something is always going to happen");
}

/* By then there is a token: five minutes after the last fault, Retry-After, and pause of a denial,
 * of which a plan may have a longer one; and a small budget has many to serve. */
static uint64_t well_by(const struct world *world, unsigned slot) {
        const struct plan *plan = &world->plans[slot];
        uint64_t from = time_max(world->calm_from, books.ledgers[slot].retry_until);

        return from + 5 * MINUTE + plan->terms.denied_max + plan->terms.attempt_timeout +
               SLOTS * MINUTE;
}

static void check_recovery(const struct world *world) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                struct ledger *ledger = &books.ledgers[slot];

                if (!world->plans[slot].is_there || ledger->is_well)
                        continue;
                ledger->is_well = ledger->number > 0 && world->now < ledger->floor_at;
                HOLDS(ledger->is_well || world->now <= well_by(world, slot),
                      "%c has a token five minutes after the last fault", letter(slot));
        }
}

void auditor_check(const struct world *world) {
        check_counts(world);
        if (world->now >= world->calm_from)
                check_recovery(world);
}

void auditor_end(const struct world *world) {
        for (unsigned slot = 0; slot < SLOTS && world->calm_from != NEVER; slot++)
                HOLDS(!world->plans[slot].is_there || books.ledgers[slot].is_well,
                      "%c has a token in the end", letter(slot));
}
