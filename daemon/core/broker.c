/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "core/broker.h"
#include "core/broker_inside.h"

/* So much earlier is a token's attempt counted as due when there is no token. */
#define AHEAD_WITHOUT_TOKEN NSEC_PER_MIN

/* ---- tokens ---- */

void broker_changed(struct broker *broker) {
        broker->deadline_is_stale = true;
        broker->has_changed = true;
}

bool broker_take_change(struct broker *broker) {
        bool has_changed = broker->has_changed;

        broker->has_changed = false;
        return has_changed;
}

void broker_add_effect(struct broker *broker, struct broker_token *token) {
        if (!list_is_linked(&token->effects))
                list_append(&broker->effects, &token->effects);
}

/* When there is room for one more attempt: in flight, and in the budget. */
static uint64_t room_next(const struct broker *broker, const struct broker_token *token,
                          uint64_t now) {
        if (broker->n_in_flight >= BROKER_IN_FLIGHT_MAX)
                return NEVER;
        return budget_next(&token->account->budget, now);
}

static void begin(struct broker *broker, struct broker_token *token, bool is_forced, uint64_t now) {
        lease_begin(&token->lease, is_forced, now);
        budget_take(&token->account->budget, now);
        broker->n_in_flight++;
        token->attempt = ++broker->last_attempt;
        token->to_start = true;
        broker_changed(broker);
        broker_add_effect(broker, token);
}

/* The attempt in flight is one no longer. */
static void settle(struct broker *broker, struct broker_token *token, bool sent, uint64_t sent_at) {
        budget_settle(&token->account->budget, sent, sent_at);
        broker->n_in_flight--;
        token->attempt = 0;
        token->to_start = false;
        broker_changed(broker);
}

void broker_abandon(struct broker *broker, struct broker_token *token, uint64_t now) {
        /* What the caller was never told of has not been sent. */
        bool sent = !token->to_start;

        if (sent)
                token->to_abandon = token->attempt;
        settle(broker, token, sent, now);
        broker_add_effect(broker, token);
}

/* ---- requests ---- */

static void park(struct broker *broker, struct request *request, unsigned wait, uint64_t now) {
        struct broker_token *token = request->reply.token;

        waiters_add(&broker->waiters, &request->waiter, &token->waiting, wait, now);
        token->n_waiting++;
}

static void unpark(struct broker *broker, struct request *request) {
        if (!waiter_waits(&request->waiter))
                return;
        waiters_remove(&broker->waiters, &request->waiter);
        request->reply.token->n_waiting--;
        quota_give(request->user, QUOTA_WAITING, 1);
}

void broker_add_reply(struct broker *broker, struct request *request, struct reply reply,
                      uint64_t now) {
        assert(waiter_waits(&request->waiter));
        unpark(broker, request);
        request->reply = reply;
        request->reply.waited = now - request->asked_at;
        list_append(&broker->replies, &request->waiter.by_token);
}

/* An attempt that is due at NEXT; NEVER: one in flight has to end first, and soon does. */
static uint64_t worth_another_try(uint64_t next, uint64_t now) {
        return next == NEVER ? time_add(now, NSEC_PER_SEC) : next;
}

/* What REQUEST gets as things are; starts a renewal if it needs and may have one. */
static struct reply judge(struct broker *broker, struct broker_token *token,
                          const struct request *request, uint64_t now) {
        struct reply reply = {.kind = REPLY_WAIT, .token = token};

        if (!policy_allows(&token->policy, request->peer)) {
                reply.kind = REPLY_FORBIDDEN;
                return reply;
        }
        if (lease_satisfies(&token->lease, &request->want, now)) {
                reply.kind = REPLY_TOKEN;
                return reply;
        }
        switch (lease_judge(&token->lease, &request->want, room_next(broker, token, now), now,
                            &reply.hindrance, &reply.next)) {
        case VERDICT_TOKEN:
                reply.kind = REPLY_TOKEN;
                break;
        case VERDICT_WAIT:
                break;
        case VERDICT_RENEW:
                begin(broker, token, lease_is_usable(&token->lease, now), now);
                break;
        case VERDICT_PAUSED:
                reply.kind = REPLY_PAUSED;
                reply.next = worth_another_try(reply.next, now);
                break;
        case VERDICT_DENIED:
                reply.kind = REPLY_DENIED;
                break;
        }
        return reply;
}

/* By the last attempt that has ended; the one in flight may end better. */
static enum reply_kind without_token(const struct lease *lease, uint64_t now) {
        if (!lease->is_failing)
                return REPLY_TIMEOUT;
        if (lease->failure.kind == OUTCOME_DENIED && !lease_is_usable(lease, now))
                return REPLY_DENIED;
        return REPLY_UNAVAILABLE;
}

/* What a request gets whose time is up. */
static struct reply judge_late(const struct broker *broker, struct broker_token *token,
                               const struct request *request, uint64_t now) {
        struct reply reply = {
                .token = token,
                .next = worth_another_try(broker_next_attempt(broker, token, now), now),
        };

        if (lease_is_usable(&token->lease, now) && request->want.after != token->lease.generation)
                reply.kind = REPLY_TOKEN; /* it wanted one with more life; this one is still good */
        else
                reply.kind = without_token(&token->lease, now);
        return reply;
}

/* What a request gets for which there is no room to wait: what it would get at the end, if that is
 * a token. */
static struct reply judge_crowded(const struct broker *broker, struct broker_token *token,
                                  const struct request *request, uint64_t now) {
        struct reply reply = judge_late(broker, token, request, now);

        if (reply.kind != REPLY_TOKEN) {
                reply.kind = REPLY_CROWDED;
                reply.next = time_add(now, NSEC_PER_SEC);
        }
        return reply;
}

/* A passing failure does not end the wait of a request for a newer token: its own deadline does. */
void broker_review(struct broker *broker, struct broker_token *token, uint64_t now) {
        LIST_FOREACH_SAFE(link, following, &token->waiting) {
                struct request *request = CONTAINER_OF(link, struct request, waiter.by_token);
                struct reply reply = judge(broker, token, request, now);

                if (reply.kind == REPLY_WAIT)
                        continue;
                if (reply.kind == REPLY_PAUSED && reply.hindrance != HINDRANCE_FRESH &&
                    reply.hindrance != HINDRANCE_DENIED)
                        continue;
                broker_add_reply(broker, request, reply, now);
        }
        followers_review(&broker->followers, token, token == broker->default_token, now);
}

static bool may_have_all(const struct broker *broker, const struct peer *peer) {
        for (size_t i = 0; i < broker->n_tokens; i++)
                if (!policy_allows(&broker->tokens[i]->policy, peer))
                        return false;
        return true;
}

/* The token that is meant, or NULL: *RET_KIND says why there is none. */
static inline struct broker_token *find_meant(const struct broker *broker, const char *name,
                                              bool name_is_hint, const struct peer *peer,
                                              enum reply_kind *ret_kind) {
        struct broker_token *token = name[0] ? broker_find(broker, name) : NULL;

        if (!broker->is_configured) {
                *ret_kind = REPLY_UNCONFIGURED;
                return NULL;
        }
        if (token)
                return token;
        if (!name[0] || name_is_hint) {
                *ret_kind = REPLY_AMBIGUOUS;
                return broker->default_token;
        }
        *ret_kind = may_have_all(broker, peer) ? REPLY_UNKNOWN : REPLY_FORBIDDEN;
        return NULL;
}

/* What REQUEST gets for TOKEN at once; REPLY_WAIT: it is parked. */
static void consider(struct broker *broker, struct broker_token *token, struct request *request,
                     unsigned wait, uint64_t now) {
        request->reply = judge(broker, token, request, now);
        if (request->reply.kind != REPLY_WAIT)
                return;
        if (wait == 0)
                request->reply = judge_late(broker, token, request, now);
        else if (!quota_take(request->user, QUOTA_WAITING, 1))
                request->reply = judge_crowded(broker, token, request, now);
        else
                park(broker, request, wait, now);
}

/* REPLY is given: it counts for the token that it is about, if that is still there. */
static void count_reply(struct broker *broker, const struct reply *reply) {
        bool is_there = reply->token && !reply->token->removed;

        tally_reply(is_there ? &reply->token->tally : &broker->tally, reply->kind, reply->waited);
}

enum reply_kind broker_request(struct broker *broker, struct request *request, const char *name,
                               bool name_is_hint, const struct want *want, unsigned wait,
                               const struct peer *peer, uint64_t now) {
        struct broker_token *token;

        assert(!list_is_linked(&request->waiter.by_token)); /* waits, or has a reply to be taken */
        *request = (struct request){
                .owner = request->owner,
                .user = request->user,
                .want = *want,
                .peer = peer,
                .asked_at = now,
        };
        token = find_meant(broker, name, name_is_hint, peer, &request->reply.kind);
        if (token)
                consider(broker, token, request, wait, now);
        if (request->reply.kind != REPLY_WAIT)
                count_reply(broker, &request->reply);
        return request->reply.kind;
}

void broker_cancel(struct broker *broker, struct request *request) {
        unpark(broker, request);
        list_remove(&request->waiter.by_token); /* a reply that was not taken yet */
}

/* ---- followers ---- */

/* What FOLLOWER gets that wants to follow TOKEN. */
static enum reply_kind admit(struct broker *broker, struct follower *follower,
                             struct broker_token *token, uint64_t generation, uint64_t now) {
        if (!policy_allows(&token->policy, follower->peer))
                return REPLY_FORBIDDEN;
        if (!followers_add(&broker->followers, follower, token, generation, now))
                return REPLY_CROWDED;
        return REPLY_WAIT;
}

struct reply broker_follow(struct broker *broker, struct follower *follower, const char *name,
                           uint64_t generation, const struct peer *peer, uint64_t now) {
        struct reply reply = {.next = time_add(now, NSEC_PER_SEC)};

        *follower = (struct follower){.user = follower->user, .peer = peer, .by_default = !name[0]};
        reply.token = find_meant(broker, name, false, peer, &reply.kind);
        if (reply.token)
                reply.kind = admit(broker, follower, reply.token, generation, now);
        if (reply.kind != REPLY_WAIT)
                count_reply(broker, &reply);
        return reply;
}

void broker_unfollow(struct broker *broker, struct follower *follower) {
        followers_remove(&broker->followers, follower);
}

void broker_follower_is_ready(struct broker *broker, struct follower *follower, uint64_t now) {
        follower_is_ready(&broker->followers, follower, now);
}

/* ---- time, and answers of endpoints ---- */

uint64_t broker_next_attempt(const struct broker *broker, const struct broker_token *token,
                             uint64_t now) {
        if (lease_in_flight(&token->lease))
                return NEVER;
        return time_max(lease_next_attempt(&token->lease), room_next(broker, token, now));
}

/* Whose turn it is, of those whose attempt is due and has room: who has been due for longest, so
 * that no token that keeps failing uses up the budget of the others. Without a token, one goes
 * ahead of who still has one. */
static struct broker_token *next_due(const struct broker *broker, uint64_t now) {
        struct broker_token *first = NULL;
        uint64_t first_at = NEVER;

        for (size_t i = 0; i < broker->n_tokens; i++) {
                struct broker_token *token = broker->tokens[i];
                uint64_t at = lease_next_attempt(&token->lease);

                if (broker_next_attempt(broker, token, now) > now)
                        continue;
                if (lease_is_usable(&token->lease, now))
                        at = time_add(at, AHEAD_WITHOUT_TOKEN);
                if (at < first_at) {
                        first = token;
                        first_at = at;
                }
        }
        return first;
}

void broker_start_due(struct broker *broker, uint64_t now) {
        struct broker_token *token;

        while ((token = next_due(broker, now)))
                begin(broker, token, false, now);
}

static void give_up_token(struct broker *broker, struct broker_token *token, uint64_t now) {
        if (!lease_expired(&token->lease, now))
                return;
        token->has_expired = true;
        epochs_shut(&broker->epochs, token->slot);
        broker_add_effect(broker, token);
}

/* What copies there are of TOKEN is no longer what a worker would be given. */
static void call_in(struct broker *broker, struct broker_token *token, uint64_t now) {
        lease_forget_renderings(&token->lease); /* which tell of the epoch */
        if (lease_is_usable(&token->lease, now))
                epochs_move(&broker->epochs, token->slot, now);
        else
                epochs_shut(&broker->epochs, token->slot);
}

void broker_call_in(struct broker *broker, uint64_t now) {
        for (size_t i = 0; i < broker->n_tokens; i++)
                call_in(broker, broker->tokens[i], now);
}

/* The attempt for TOKEN that has just ended counts as what its lease made of it. */
static void count_attempt(struct broker_token *token, uint64_t now) {
        const struct lease *lease = &token->lease;

        tally_attempt(&token->tally, lease->is_failing ? lease->failure.kind : OUTCOME_GRANTED,
                      now - lease->started_at);
}

struct broker_token *broker_ended(struct broker *broker, uint64_t attempt, struct outcome *outcome,
                                  uint64_t random, uint64_t now) {
        struct broker_token *token = NULL;

        for (size_t i = 0; i < broker->n_tokens && !token; i++)
                if (broker->tokens[i]->attempt == attempt)
                        token = broker->tokens[i];
        if (!token || attempt == 0)
                return NULL;
        settle(broker, token, outcome->sent,
               outcome->sent_at > token->lease.started_at ? time_min(outcome->sent_at, now) : now);
        lease_ended(&token->lease, outcome, random, now);
        count_attempt(token, now);
        if (!token->lease.is_failing)
                call_in(broker, token, now);
        give_up_token(broker, token, now);
        broker_review(broker, token, now);
        broker_start_due(broker, now);
        return token;
}

/* Nothing came back in time. It may have been sent. */
static void give_up_attempt(struct broker *broker, struct broker_token *token, uint64_t random,
                            uint64_t now) {
        struct outcome outcome = {.kind = OUTCOME_FAILED, .message = "no answer in time"};

        broker_abandon(broker, token, now);
        lease_ended(&token->lease, &outcome, random, now);
        count_attempt(token, now);
}

static void token_expired(struct broker *broker, struct broker_token *token, uint64_t random,
                          uint64_t now) {
        broker_changed(broker);
        if (lease_attempt_deadline(&token->lease) <= now)
                give_up_attempt(broker, token, random, now);
        give_up_token(broker, token, now);
        broker_review(broker, token, now);
}

void broker_expired(struct broker *broker, uint64_t random, uint64_t now) {
        struct waiter *waiter;

        assert(!list_first(&broker->replies)); /* their tokens may be given up now */
        for (size_t i = 0; i < broker->n_tokens; i++) {
                if (lease_deadline(&broker->tokens[i]->lease) > now)
                        continue;
                /* Different chances for different tokens (Knuth's MMIX generator). */
                random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                token_expired(broker, broker->tokens[i], random, now);
        }
        broker_start_due(broker, now);
        while ((waiter = waiters_expired(&broker->waiters, now))) {
                struct request *request = CONTAINER_OF(waiter, struct request, waiter);

                broker_add_reply(broker, request,
                                 judge_late(broker, request->reply.token, request, now), now);
        }
        broker->deadline_is_stale = true;
}

void broker_refresh(struct broker *broker, struct broker_token *token, uint64_t now) {
        lease_refresh(&token->lease, now);
        broker_changed(broker);
        broker_start_due(broker, now);
}

static uint64_t tokens_deadline(const struct broker *broker) {
        uint64_t deadline = NEVER;

        for (size_t i = 0; i < broker->n_tokens; i++) {
                const struct broker_token *token = broker->tokens[i];

                deadline = time_min(deadline, lease_deadline(&token->lease));
                deadline = time_min(deadline, broker_next_attempt(broker, token, 0));
        }
        return deadline;
}

uint64_t broker_deadline(struct broker *broker) {
        if (broker->deadline_is_stale) {
                broker->tokens_deadline = tokens_deadline(broker);
                broker->deadline_is_stale = false;
        }
        return time_min(broker->tokens_deadline, waiters_deadline(&broker->waiters));
}

/* ---- effects ---- */

static struct request *next_reply(struct broker *broker) {
        struct list *link = list_first(&broker->replies);
        struct request *request;

        if (!link)
                return NULL;
        request = CONTAINER_OF(link, struct request, waiter.by_token);
        list_remove(link);
        count_reply(broker, &request->reply);
        return request;
}

/* False: there is none. */
static bool next_news(struct broker *broker, struct effect *ret_effect) {
        struct effect effect = {.kind = EFFECT_NEWS};

        effect.follower = followers_next(&broker->followers, &effect.news);
        if (!effect.follower)
                return false;
        effect.token = effect.follower->token;
        if (effect.news == NEWS_TOKEN)
                effect.token->tally.news++;
        *ret_effect = effect;
        return true;
}

struct effect broker_next_effect(struct broker *broker) {
        struct effect effect = {.kind = EFFECT_REPLY, .request = next_reply(broker)};
        struct list *link;

        if (effect.request || next_news(broker, &effect))
                return effect;
        while ((link = list_first(&broker->effects))) {
                struct broker_token *token = CONTAINER_OF(link, struct broker_token, effects);

                effect = (struct effect){.token = token};
                if (token->to_abandon) {
                        effect.kind = EFFECT_ABANDON;
                        effect.attempt = token->to_abandon;
                        token->to_abandon = 0;
                        return effect;
                }
                if (token->to_start) {
                        effect.kind = EFFECT_FETCH;
                        effect.attempt = token->attempt;
                        token->to_start = false;
                        return effect;
                }
                if (token->has_expired) {
                        effect.kind = EFFECT_EXPIRED;
                        token->has_expired = false;
                        return effect;
                }
                list_remove(link);
                if (token->removed)
                        broker_token_free(token);
        }
        return (struct effect){.kind = EFFECT_NONE};
}

/* ---- beginning and end ---- */

static size_t bucket_of(const char *name) {
        return hash_bucket(hash_text(HASH_INIT, name), BROKER_BUCKETS);
}

void broker_enter(struct broker *broker, struct broker_token *token) {
        list_append(&broker->buckets[bucket_of(token->name)], &token->by_name);
}

struct broker_token *broker_find(const struct broker *broker, const char *name) {
        LIST_FOREACH(link, &broker->buckets[bucket_of(name)]) {
                struct broker_token *token = CONTAINER_OF(link, struct broker_token, by_name);

                if (strcmp(token->name, name) == 0)
                        return token;
        }
        return NULL;
}

void broker_init(struct broker *broker) {
        *broker = (struct broker){.tokens_deadline = NEVER};
        epochs_init(&broker->epochs);
        list_init(&broker->accounts);
        list_init(&broker->replies);
        list_init(&broker->effects);
        for (size_t i = 0; i < BROKER_BUCKETS; i++)
                list_init(&broker->buckets[i]);
        waiters_init(&broker->waiters);
        followers_init(&broker->followers);
}

void broker_deinit(struct broker *broker) {
        struct list *link;

        assert(broker->waiters.n == 0 && broker->followers.n == 0);
        while ((link = list_first(&broker->replies))) /* that nobody takes any more */
                list_remove(link);
        for (size_t i = 0; i < broker->n_tokens; i++)
                broker_token_free(broker->tokens[i]);
        free(broker->tokens);
        broker->tokens = NULL;
        broker->n_tokens = 0;
        while (broker_next_effect(broker).kind != EFFECT_NONE) /* frees those that were removed */
                ;
        accounts_free(&broker->accounts);
}
