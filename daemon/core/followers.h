/* SPDX-License-Identifier: MIT */
/* followers - who follows a token: is told of each new generation, and when there is none any more.
 *
 * A follower is embedded in what follows (a stream). What it is still to be told is a state and no
 * queue: who takes its time is told of the newest generation alone. It is told one thing at a time,
 * and the next one once it is ready; its end is told at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/policy.h"
#include "core/quota.h"
#include "core/token.h"

enum news {
        NEWS_NONE,
        NEWS_TOKEN, /* one of another generation than it knows */
        NEWS_GONE,  /* the one that it knows was given up, and there is no other yet */
        NEWS_END,   /* nothing more: the token is not there any more, or not for it */
};

/* A zeroed one follows nothing. */
struct follower {
        struct quota_user *user; /* the caller's, set before: takes a place of those who wait */
        const struct peer *peer;
        struct broker_token *token; /* NULL: follows none, or none any more */
        struct list by_token;       /* in token.followers */
        struct list by_news;        /* in followers.news */
        enum news news;             /* what it is to be told next */
        uint64_t generation;        /* that it knows; 0: none */
        bool has_token;             /* as far as it knows */
        bool by_default;            /* it follows the default token, whichever that is */
        bool is_ready;              /* to be told the next thing */
};

struct followers {
        struct list news; /* those who are to be told something, in turn */
        uint64_t n;
};

void followers_init(struct followers *followers);

/* FOLLOWER, whose user, peer and by_default are set, follows TOKEN, and knows GENERATION of it; one
 * that there has not been yet counts as none. False: its user has no place for it. */
bool followers_add(struct followers *followers, struct follower *follower,
                   struct broker_token *token, uint64_t generation, uint64_t now);
/* Whatever it does, it does not any more, and is told nothing more. */
void followers_remove(struct followers *followers, struct follower *follower);

/* Something has changed for TOKEN: who is to be told? It ends for who may not have it, and for who
 * follows the default token if this is not it. */
void followers_review(struct followers *followers, struct broker_token *token, bool is_default,
                      uint64_t now);
/* TOKEN is no more: it ends for all. */
void followers_dismiss(struct followers *followers, struct broker_token *token);
/* Those of OLD follow TOKEN from now on. */
void followers_hand_over(struct broker_token *old, struct broker_token *token);

/* FOLLOWER has taken what it was told. */
void follower_is_ready(struct followers *followers, struct follower *follower, uint64_t now);

/* Who is to be told something, and what; it then counts as told. NULL: nobody. */
struct follower *followers_next(struct followers *followers, enum news *ret_news);
