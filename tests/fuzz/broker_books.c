/* SPDX-License-Identifier: MIT */
#include "broker_books.h"
#include "fuzz.h"

#define RETRY_AFTER_MAX UINT64_C(3600) /* seconds */

static void value_of(struct slice token, char ret_value[32]) {
        HOLDS(token.size < 32, "a token is one of ours");
        if (token.size > 0)
                memcpy(ret_value, token.data, token.size);
        ret_value[token.size] = 0;
}

/* "t0" is 0. */
unsigned books_slot(const struct broker_token *token) {
        unsigned slot = (unsigned)atoi(token->name + 1);

        HOLDS(slot < SLOTS, "a token is one of ours");
        return slot;
}

static struct fetch *fetch_of(struct books *books, uint64_t attempt) {
        for (size_t i = 0; i < FETCHES; i++)
                if (attempt > 0 && books->fetches[i].attempt == attempt)
                        return &books->fetches[i];
        return NULL;
}

static struct fetch *current_of(struct books *books, unsigned slot) {
        for (size_t i = 0; i < FETCHES; i++)
                if (books->fetches[i].is_current && books->fetches[i].slot == slot)
                        return &books->fetches[i];
        return NULL;
}

/* ---- configuration ---- */

static void forget_token(struct ledger *ledger) {
        ledger->has_token = false;
        ledger->granted_at = ledger->life = ledger->retry_until = 0;
        ledger->is_denied = false;
}

static void note_sent(struct books *books, unsigned account, uint64_t now) {
        HOLDS(books->n_sent[account] < SENT_MAX, "there is room");
        books->sent[account][books->n_sent[account]++] = now;
}

/* The token of SLOT is another one from now on, or none. */
static void replace(struct books *books, unsigned slot, uint64_t now) {
        struct ledger *ledger = &books->ledgers[slot];
        struct fetch *fetch = current_of(books, slot);

        if (fetch) {
                fetch->is_current = false;
                fetch->is_to_be_abandoned = true;
                note_sent(books, ledger->plan.account, now);
        }
        forget_token(ledger);
}

void books_configured(struct books *books, const struct plan plans[SLOTS], int default_slot,
                      uint64_t now) {
        unsigned n = 0, last = 0;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                struct ledger *ledger = &books->ledgers[slot];
                const struct plan *old = &ledger->plan, *plan = &plans[slot];

                if (old->is_there && (!plan->is_there || old->version != plan->version ||
                                      old->account != plan->account))
                        replace(books, slot, now);
                ledger->plan = *plan;
                n += plan->is_there;
                last = plan->is_there ? slot : last;
        }
        books->default_slot = default_slot >= 0 && plans[default_slot].is_there ? default_slot
                              : n == 1                                          ? (int)last
                                                                                : -1;
        books->is_configured = true;
}

void books_restarted(struct books *books, bool is_blank) {
        memset(books->fetches, 0, sizeof books->fetches);
        books->is_configured = false;
        if (is_blank)
                memset(books->n_sent, 0, sizeof books->n_sent);
        for (unsigned slot = 0; slot < SLOTS; slot++) {
                books->ledgers[slot].is_denied = false;
                if (is_blank)
                        forget_token(&books->ledgers[slot]);
        }
}

/* ---- attempts ---- */

static unsigned budget_of(const struct books *books, unsigned account) {
        unsigned least = TERMS_REQUESTS_PER_MINUTE_MAX;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                const struct plan *plan = &books->ledgers[slot].plan;

                if (plan->is_there && plan->account == account &&
                    plan->terms.requests_per_minute < least)
                        least = plan->terms.requests_per_minute;
        }
        return least;
}

/* Sent in the last minute, or about to be. */
static unsigned spent(const struct books *books, unsigned account, uint64_t now) {
        unsigned n = 0;

        for (unsigned i = 0; i < books->n_sent[account]; i++)
                n += books->sent[account][i] + NSEC_PER_MIN > now;
        for (size_t i = 0; i < FETCHES; i++)
                n += books->fetches[i].is_current &&
                     books->ledgers[books->fetches[i].slot].plan.account == account;
        return n;
}

void books_started(struct books *books, const struct effect *effect, uint64_t now) {
        unsigned slot = books_slot(effect->token), n = 0;
        const struct ledger *ledger = &books->ledgers[slot];
        const struct plan *plan = &ledger->plan;
        struct fetch *room = NULL;

        HOLDS(plan->is_there, "no attempt for what is not configured");
        HOLDS(!current_of(books, slot), "one attempt at a time for a token");
        HOLDS(!fetch_of(books, effect->attempt), "each attempt has a number of its own");
        HOLDS(now >= ledger->retry_until, "no attempt before Retry-After");
        HOLDS(ledger->granted_at == 0 ||
                      now >= ledger->granted_at +
                                      time_min(plan->terms.min_renewal_interval, ledger->life / 2),
              "successes are apart");
        HOLDS(spent(books, plan->account, now) < budget_of(books, plan->account),
              "a budget is kept, in any minute");
        for (size_t i = 0; i < FETCHES; i++) {
                n += books->fetches[i].is_current;
                if (!books->fetches[i].is_current && !books->fetches[i].is_to_be_abandoned)
                        room = &books->fetches[i];
        }
        HOLDS(room && n < BROKER_IN_FLIGHT_MAX, "attempts in flight are capped");
        *room = (struct fetch){effect->attempt, slot, now, true, false};
}

void books_abandoned(struct books *books, const struct effect *effect) {
        struct fetch *fetch = fetch_of(books, effect->attempt);

        HOLDS(fetch && fetch->is_to_be_abandoned && !fetch->is_current,
              "what is dropped was started, and is good for nothing");
        fetch->is_to_be_abandoned = false;
}

void books_expired(const struct books *books, const struct effect *effect, uint64_t now) {
        const struct ledger *ledger = &books->ledgers[books_slot(effect->token)];

        HOLDS(!ledger->has_token || now >= ledger->floor_at, "no token is given up early");
        HOLDS(!lease_is_usable(&effect->token->lease, now), "what is given up is gone");
}

void books_ticked(struct books *books, uint64_t now) {
        for (size_t i = 0; i < FETCHES; i++) {
                struct fetch *fetch = &books->fetches[i];
                const struct plan *plan = &books->ledgers[fetch->slot].plan;

                if (!fetch->is_current ||
                    now < time_add(fetch->started_at, plan->terms.attempt_timeout))
                        continue;
                fetch->is_current = false;
                fetch->is_to_be_abandoned = true;
                books->ledgers[fetch->slot].is_denied = false;
                note_sent(books, plan->account, now);
        }
        for (unsigned slot = 0; slot < SLOTS; slot++)
                if (now >= books->ledgers[slot].floor_at)
                        books->ledgers[slot].has_token = false;
}

void books_before_end(const struct books *books, const struct broker *broker, uint64_t attempt,
                      const struct outcome *outcome, struct books_before *ret_before) {
        struct books_before before = {.outcome = *outcome};

        for (size_t i = 0; i < FETCHES; i++) {
                const struct fetch *fetch = &books->fetches[i];

                if (attempt == 0 || !fetch->is_current || fetch->attempt != attempt)
                        continue;
                before.is_current = true;
                before.slot = fetch->slot;
        }
        value_of(secret_slice(&outcome->access_token), before.new_value);
        for (size_t i = 0; i < broker->n_tokens && before.is_current; i++) {
                const struct lease *lease = &broker->tokens[i]->lease;

                if (books_slot(broker->tokens[i]) != before.slot)
                        continue;
                value_of(secret_slice(&lease->access_token), before.value);
                before.generation = lease->generation;
                before.expires_at = lease->expires_at;
        }
        *ret_before = before;
}

/* False: its life is over, or next to that. */
static bool note_grant(struct ledger *ledger, const struct books_before *before,
                       uint64_t started_at, const struct lease *lease, uint64_t now) {
        const struct outcome *outcome = &before->outcome;
        uint64_t sent_at = time_min(time_max(outcome->sent_at, started_at), now);
        uint64_t life = outcome->expires_in * NSEC_PER_SEC;
        uint64_t floor_at = sent_at + life - time_min(ledger->plan.terms.floor, life / 10);

        if (floor_at <= now)
                return false;
        if (strcmp(before->value, before->new_value) == 0)
                HOLDS(lease->generation == before->generation, "the same token is the same one");
        else
                HOLDS(lease->generation > before->generation &&
                              lease->generation > ledger->last_generation,
                      "generations only rise");
        HOLDS(lease->expires_at == sent_at + life && lease->floor_at == floor_at &&
                      lease->refresh_at <= lease->expires_at,
              "a token's end is told by its beginning");
        ledger->last_generation = lease->generation;
        ledger->has_token = true;
        strcpy(ledger->value, before->new_value);
        ledger->floor_at = floor_at;
        ledger->granted_at = now;
        ledger->life = life;
        ledger->retry_until = 0;
        ledger->is_denied = false;
        return true;
}

static void note_failure(struct ledger *ledger, const struct books_before *before,
                         const struct lease *lease, uint64_t now) {
        char value[32];

        ledger->is_denied = before->outcome.kind == OUTCOME_DENIED;
        if (before->outcome.retry_after > 0)
                ledger->retry_until =
                        now + time_min(before->outcome.retry_after, RETRY_AFTER_MAX) * NSEC_PER_SEC;
        HOLDS(lease->generation == before->generation, "a failure changes no generation");
        if (!ledger->has_token || now >= ledger->floor_at)
                return;
        value_of(secret_slice(&lease->access_token), value);
        HOLDS(strcmp(value, before->value) == 0 && lease->expires_at == before->expires_at,
              "a failure changes neither token nor expiry");
}

void books_ended(struct books *books, uint64_t attempt, const struct books_before *before,
                 const struct broker_token *token, uint64_t now) {
        struct fetch *fetch = fetch_of(books, attempt);
        struct ledger *ledger;

        HOLDS(before->is_current == (token != NULL),
              "an answer counts if its attempt is in flight");
        if (!token)
                return;
        HOLDS(books_slot(token) == before->slot, "an answer is for who was asked for");
        ledger = &books->ledgers[before->slot];
        fetch->is_current = false;
        if (before->outcome.sent)
                note_sent(books, ledger->plan.account,
                          time_min(time_max(before->outcome.sent_at, fetch->started_at), now));
        if (before->outcome.kind != OUTCOME_GRANTED ||
            !note_grant(ledger, before, fetch->started_at, &token->lease, now))
                note_failure(ledger, before, &token->lease, now);
        if (now >= ledger->floor_at)
                ledger->has_token = false;
}

/* ---- replies ---- */

static bool may_have(const struct ledger *ledger, unsigned user) {
        return ledger->plan.users == 0 || (ledger->plan.users & 1U << user);
}

static bool may_have_all(const struct books *books, unsigned user) {
        for (unsigned slot = 0; slot < SLOTS; slot++)
                if (books->ledgers[slot].plan.is_there && !may_have(&books->ledgers[slot], user))
                        return false;
        return true;
}

int books_slot_asked(const struct books *books, const char *name, bool is_hint) {
        int slot = name[0] == 't' ? atoi(name + 1) : -1;

        if (slot >= 0 && books->ledgers[slot].plan.is_there)
                return slot;
        return !name[0] || is_hint ? books->default_slot : -1;
}

static void check_token(const struct books *books, const struct request *request, int slot,
                        uint64_t now) {
        const struct lease *lease = &request->reply.token->lease;
        const struct ledger *ledger = &books->ledgers[slot];
        char value[32];

        HOLDS((int)books_slot(request->reply.token) == slot, "who asks gets what was asked for");
        value_of(secret_slice(&lease->access_token), value);
        HOLDS(ledger->has_token && strcmp(value, ledger->value) == 0,
              "what is handed out is what was granted last");
        HOLDS(now < ledger->floor_at, "no token is out past its floor");
        HOLDS(lease->generation == ledger->last_generation && lease->generation > 0,
              "a generation is one token");
        HOLDS(request->want.after != lease->generation, "what was refused is not given again");
}

static void check_refusal(const struct books *books, const struct request *request, int slot,
                          uint64_t deadline, uint64_t now) {
        const struct ledger *ledger = &books->ledgers[slot];
        enum reply_kind kind = request->reply.kind;

        HOLDS(request->want.after > 0 || !ledger->has_token || now >= ledger->floor_at,
              "a valid token is handed out");
        HOLDS(kind != REPLY_PAUSED ||
                      (request->want.after > 0 && request->reply.next > now &&
                       request->reply.next != NEVER && request->reply.hindrance != HINDRANCE_NONE),
              "a pause has its reason and its end");
        HOLDS(kind != REPLY_DENIED || ledger->is_denied, "a refusal is the endpoint's");
        if (kind == REPLY_TIMEOUT || kind == REPLY_UNAVAILABLE)
                HOLDS(now >= deadline && request->reply.next != NEVER,
                      "nobody is told too early that it is late");
}

void books_replied(const struct books *books, const struct request *request, int slot,
                   unsigned user, uint64_t deadline, uint64_t now) {
        enum reply_kind kind = request->reply.kind;

        HOLDS((kind == REPLY_UNCONFIGURED) == !books->is_configured,
              "what is not configured says so");
        if (kind == REPLY_UNCONFIGURED)
                return;
        if (slot >= 0 && !books->ledgers[slot].plan.is_there)
                slot = -1; /* any more */
        if (kind == REPLY_AMBIGUOUS) {
                HOLDS(slot < 0, "there is no default");
                return;
        }
        if (kind == REPLY_UNKNOWN) {
                HOLDS(slot < 0 && may_have_all(books, user), "what there is is told to few");
                return;
        }
        if (kind == REPLY_FORBIDDEN) {
                HOLDS(slot < 0 || !may_have(&books->ledgers[slot], user),
                      "who may have a token is not sent away");
                return;
        }
        HOLDS(slot >= 0 && may_have(&books->ledgers[slot], user),
              "who may not have a token gets none, and learns nothing of it");
        if (kind == REPLY_TOKEN)
                check_token(books, request, slot, now);
        else
                check_refusal(books, request, slot, deadline, now);
}

/* ---- at rest ---- */

void books_check(const struct books *books, struct broker *broker) {
        unsigned n_in_flight = 0, n_there = 0;

        for (size_t i = 0; i < FETCHES; i++) {
                n_in_flight += books->fetches[i].is_current;
                HOLDS(!books->fetches[i].is_to_be_abandoned, "what is good for nothing is dropped");
        }
        HOLDS(broker->n_in_flight == n_in_flight, "attempts in flight are counted");
        for (unsigned slot = 0; slot < SLOTS; slot++)
                n_there += books->ledgers[slot].plan.is_there;
        HOLDS(!books->is_configured || broker->n_tokens == n_there, "what is configured is there");
        HOLDS(n_there == 0 || !books->is_configured || broker_deadline(broker) != NEVER,
              "something is always going to happen");
}
