/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "books.h"

void auditor_asked(const struct world *world, const struct worker *worker) {
        books.ledgers[worker->slot].is_wished |= !worker->is_plain;
        books.ledgers[worker->slot].is_refused |= worker->want.after > 0;
        books.waiting[worker->slot]++; /* until it has its reply, at once or not */
        books.n_waiting++;
        tallies_asked(world, worker);
}

void auditor_left(const struct world *world, const struct worker *worker) {
        books.waiting[worker->slot]--;
        books.n_waiting--;
        HOLDS(!waiter_waits(&worker->request.waiter), "who has left does not wait");
}

bool books_user_may_have(const struct world *world, uid_t uid, unsigned slot) {
        const struct plan *plan = &world->plans[slot];

        for (size_t i = 0; i < plan->n_users; i++)
                if (plan->users[i] == uid)
                        return plan->is_there;
        return plan->is_there && plan->n_users == 0;
}

bool books_may_have(const struct world *world, const struct worker *worker, unsigned slot) {
        return books_user_may_have(world, worker->peer.uid, slot);
}

static void check_token(const struct world *world, const struct worker *worker) {
        const struct broker_token *token = worker->request.reply.token;
        struct ledger *ledger = &books.ledgers[worker->slot];
        uint64_t number = issuer_number(secret_slice(&token->lease.access_token));
        uint64_t generation = token->lease.generation, after = worker->want.after;

        HOLDS(slot_of(token) == worker->slot, "a worker gets the token that it asked for");
        HOLDS(number == ledger->number, "what is handed out is what was granted last");
        HOLDS(world->now < ledger->floor_at, "nothing is handed out past its floor");
        HOLDS(world->now < issuer_expiry(&world->issuers[worker->slot], number),
              "nothing is handed out that the endpoint knows to be dead");
        HOLDS(generation != after && (generation > after || after > worker->known),
              "what was refused is not given again");
        HOLDS(generation >= ledger->last_generation, "generations only rise");
        HOLDS(generation > ledger->last_generation || number == ledger->last_number,
              "a generation is one token");
        ledger->last_generation = generation;
        ledger->last_number = number;
}

/* A generation that there has not been yet cannot have been refused. */
static bool is_refused(const struct worker *worker) {
        uint64_t after = worker->want.after;

        return after > 0 && after <= worker->request.reply.token->lease.generation;
}

/* Whoever asks for nothing special is not refused while there is a token. */
static void check_refusal(const struct world *world, const struct worker *worker) {
        const struct ledger *ledger = &books.ledgers[worker->slot];
        enum reply_kind kind = worker->request.reply.kind;

        HOLDS(!worker->is_plain || !ledger_has_token(ledger, world->now),
              "a valid token is handed out (instead: reply %d)", kind);
        HOLDS(!worker->is_plain || kind != REPLY_PAUSED,
              "only who wants a newer one can be told to slow down");
        HOLDS(is_refused(worker) || !ledger_has_token(ledger, world->now),
              "who was not refused the token that there is gets it");
        if (kind == REPLY_CROWDED)
                auditor_crowded(world, worker->peer.uid);
        HOLDS(kind != REPLY_DENIED || ledger->is_denied,
              "502 is told when the endpoint has refused");
        HOLDS(world->scenario != SCENARIO_CALM || !worker->is_plain || !books.had_token,
              "an outage of four minutes is hidden");
}

/* Exactly one answer, and in its time. */
static void check_wait(const struct world *world, const struct worker *worker, bool at_once) {
        enum reply_kind kind = worker->request.reply.kind;

        HOLDS(at_once || worker->waits, "who does not wait gets no answer");
        HOLDS(!waiter_waits(&worker->request.waiter), "who has an answer does not wait");
        if (kind == REPLY_TIMEOUT || kind == REPLY_UNAVAILABLE)
                HOLDS(world->now >= worker->deadline, "nobody is told too early that it is late");
        HOLDS(at_once || kind != REPLY_UNKNOWN, "who waits waits for something");
}

/* What is told of the token's time is right, whatever the wall clock says. */
static void check_times(const struct world *world, const struct worker *worker,
                        struct slice heard) {
        uint64_t span = books.ledgers[worker->slot].expires_at - world->now, left = span / SECOND;
        uint64_t told = ears_number(heard, "\"expires_in\":");

        auditor_trace(world, "%c: %" PRIu64 " s left", letter_of(worker->slot), told);
        HOLDS(told == left, "expires_in is what is left");
        HOLDS(ears_number(heard, "\"served_for\":") ==
                      (books.ledgers[worker->slot].floor_at - world->now) / SECOND,
              "served_for is until its floor");
        HOLDS(ears_number(heard, "\"epoch\":") ==
                      epochs_at(&world->broker.epochs, worker->request.reply.token->slot),
              "an answer has the epoch that is published");
        HOLDS(ears_number(heard, "\"expires_at\":") == (ears_wall_clock() + span) / SECOND,
              "expires_at is by the wall clock of now");
}

static void hear(const struct world *world, const struct worker *worker) {
        const struct reply *reply = &worker->request.reply;
        unsigned format = worker->peer.uid % 3; /* one of enum api_format */
        struct slice heard;

        if (!books_hear(world))
                return;
        ears_at(world->now);
        heard = ears_reply(reply, &world->broker.epochs, format, world->now);
        HOLDS(ears_count_tokens(heard) == (reply->kind == REPLY_TOKEN),
              "a token is in an answer that gives it, and in no other");
        if (reply->kind == REPLY_TOKEN) {
                HOLDS(ears_number(heard, ISSUER_CANARY) == books.ledgers[worker->slot].number,
                      "an answer has the token that it is about");
                if (format == 0)
                        check_times(world, worker, heard);
        }
        if (world->n_events % 16 == 0)
                HOLDS(ears_count_tokens(ears_list(&world->broker, &worker->peer, world->now)) == 0,
                      "no token is in the list of tokens");
}

void auditor_replied(const struct world *world, const struct worker *worker, bool at_once) {
        enum reply_kind kind = worker->request.reply.kind;
        bool allowed = books_may_have(world, worker, worker->slot);

        auditor_trace(world, "%c: worker %u gets %d", letter_of(worker->slot), worker->peer.uid,
                      kind);
        books.n_happened++;
        auditor_left(world, worker);
        tallies_replied(world, worker);
        check_wait(world, worker, at_once);
        hear(world, worker);
        if (kind == REPLY_UNKNOWN || kind == REPLY_FORBIDDEN) {
                HOLDS(!allowed, "who may have a token is not sent away");
                return;
        }
        HOLDS(allowed, "who may not have a token gets none, and learns nothing of it");
        if (kind == REPLY_TOKEN) {
                check_token(world, worker);
                copies_given(world, worker);
        } else {
                check_refusal(world, worker);
        }
        books.had_token |= kind == REPLY_TOKEN;
}
