/* SPDX-License-Identifier: MIT */
/* broker - the broker's mind: all tokens, who waits for which, and what is to be done next.
 *
 * Owns the leases and budgets; borrows requests, which are embedded in what makes them. An entry
 * point takes what happened and the time. What follows from it is then taken by
 * broker_next_effect(), and when time itself is the next thing to happen says broker_deadline().
 * Does nothing by itself: no clock, no descriptor, no chance, no log. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "core/epochs.h"
#include "core/followers.h"
#include "core/lease.h"
#include "core/policy.h"
#include "core/quota.h"
#include "core/reply.h"
#include "core/tally.h"
#include "core/token.h"
#include "core/waiters.h"

/* Requests to token endpoints that are under way at once, over all tokens. */
#define BROKER_IN_FLIGHT_MAX 16u

/* One request for a token; a zeroed one waits for nothing. */
struct request {
        struct waiter waiter;
        /* The caller's, set before: what the request is embedded in, and whose quota it takes from
         * while it waits; NULL: nobody's. */
        const void *owner;
        struct quota_user *user;
        const struct peer *peer;
        struct want want;
        uint64_t asked_at;
        struct reply reply;
};

enum effect_kind {
        EFFECT_NONE,
        EFFECT_FETCH,   /* start attempt ATTEMPT for TOKEN */
        EFFECT_ABANDON, /* drop attempt ATTEMPT */
        EFFECT_EXPIRED, /* TOKEN is no longer handed out, and there is no other yet */
        EFFECT_REPLY,   /* REQUEST no longer waits: see request.reply */
        EFFECT_NEWS,    /* FOLLOWER of TOKEN is to be told NEWS; NEWS_END: follows no more */
};

struct effect {
        enum effect_kind kind;
        struct broker_token *token;
        uint64_t attempt;
        struct request *request;
        struct follower *follower;
        enum news news;
};

/* The tokens are spread over so many lists, to be found by name. */
#define BROKER_BUCKETS 1024u

struct broker {
        struct broker_token **tokens; /* in the order of names */
        size_t n_tokens;
        struct list buckets[BROKER_BUCKETS]; /* the same tokens */
        struct broker_token *default_token;  /* or NULL */
        struct list accounts;
        struct waiters waiters;
        struct followers followers;
        struct list replies; /* requests, by waiter.by_token */
        struct list effects; /* tokens */
        unsigned n_in_flight;
        uint64_t last_attempt;
        uint64_t removed_generation; /* of a token that may come back in the same millisecond */
        uint64_t tokens_deadline;
        bool deadline_is_stale;
        bool has_changed;
        bool is_configured;
        struct epochs epochs; /* of the copies that workers keep */
        struct tally tally;   /* of what is about no token; of the others, each token has its own */
};

void broker_init(struct broker *broker);
/* No request may wait any more, and nobody follow. */
void broker_deinit(struct broker *broker);

/* From now on these tokens, N of them, of different names. What has the same name and identity as
 * before goes on as it was, but is tried at once where it was paused, and renewed; not so what came
 * back by recall. 0, or -ENOMEM: nothing has changed. */
int broker_configure(struct broker *broker, const struct broker_spec *specs, size_t n,
                     uint64_t now);

/* TOKEN, which is one of broker.tokens now, can be found. For recall. */
void broker_enter(struct broker *broker, struct broker_token *token);
/* NULL if there is no such token. */
struct broker_token *broker_find(const struct broker *broker, const char *name);

/* PEER asks for NAME ("": the default one; with NAME_IS_HINT also if none is called so), and waits
 * for WAIT seconds at most. REQUEST and PEER stay where they are until there is a reply or
 * broker_cancel(). The reply is in request->reply, and returned. */
enum reply_kind broker_request(struct broker *broker, struct request *request, const char *name,
                               bool name_is_hint, const struct want *want, unsigned wait,
                               const struct peer *peer, uint64_t now);
/* Who asked has gone. */
void broker_cancel(struct broker *broker, struct request *request);

/* PEER follows NAME ("": the default one), of which it knows GENERATION (0: none): it is told the
 * present one, if it is another, and from then on each new one. FOLLOWER and PEER stay where they
 * are until NEWS_END or broker_unfollow(). The reply is returned: REPLY_WAIT, or why not. */
struct reply broker_follow(struct broker *broker, struct follower *follower, const char *name,
                           uint64_t generation, const struct peer *peer, uint64_t now);
/* Who follows has gone. */
void broker_unfollow(struct broker *broker, struct follower *follower);
/* FOLLOWER has taken what it was told, and is to be told more. */
void broker_follower_is_ready(struct broker *broker, struct follower *follower, uint64_t now);

/* Attempt ATTEMPT has ended so; what it got is taken out of OUTCOME. The token that it was for, or
 * NULL: the attempt is not one that is in flight, and nothing has changed. */
struct broker_token *broker_ended(struct broker *broker, uint64_t attempt, struct outcome *outcome,
                                  uint64_t random, uint64_t now);

/* An operator wants it renewed. */
void broker_refresh(struct broker *broker, struct broker_token *token, uint64_t now);

/* Copies that workers keep are not to be used any more, whatever they know of the time: they ask
 * again. */
void broker_call_in(struct broker *broker, uint64_t now);

/* When broker_expired() is due; NEVER: not by itself. Replies are taken before. */
uint64_t broker_deadline(struct broker *broker);
void broker_expired(struct broker *broker, uint64_t random, uint64_t now);

/* The next thing that is to be done, until EFFECT_NONE; its pointers are good until the next call
 * to anything here. */
struct effect broker_next_effect(struct broker *broker);

/* Whether there is neither an effect nor a change to be taken. */
static inline bool broker_is_quiet(const struct broker *broker) {
        return list_is_empty(&broker->effects) && list_is_empty(&broker->replies) &&
               list_is_empty(&broker->followers.news) && !broker->has_changed;
}

/* Whether tokens, generations or budgets are others than when last asked: who keeps them for a
 * later life writes them down before an effect is carried out or a reply is sent. */
bool broker_take_change(struct broker *broker);

/* When TOKEN's next attempt is due; NEVER while one is in flight. */
uint64_t broker_next_attempt(const struct broker *broker, const struct broker_token *token,
                             uint64_t now);
