/* SPDX-License-Identifier: MIT */
/* broker_books - what fuzz_broker knows of the broker by what it has seen happen, and what must
 * hold by that.
 *
 * Owns copies alone: of plans, attempts and answers. Never looks at how the broker came to what it
 * does; what it finds wrong ends the process. */
#pragma once

#include "core/broker.h"

#define SLOTS    20 /* tokens: more than may be in flight */
#define ACCOUNTS 4
#define USERS    3 /* a policy's, by bits */
#define FETCHES  64
#define SENT_MAX 1024

/* What is configured of a token. */
struct plan {
        bool is_there;
        unsigned version; /* of its identity */
        unsigned account;
        unsigned users; /* a bit for each that may have it; 0: all */
        struct terms terms;
};

/* What is known of a token. */
struct ledger {
        struct plan plan; /* as configured last */
        bool has_token;
        char value[32];
        uint64_t floor_at;
        uint64_t granted_at; /* 0: never, or another one by now */
        uint64_t life;
        uint64_t retry_until;
        bool is_denied; /* by the last attempt */
        uint64_t last_generation;
};

/* An attempt that the broker has told to start. */
struct fetch {
        uint64_t attempt; /* 0: none */
        unsigned slot;
        uint64_t started_at;
        bool is_current; /* its answer counts */
        bool is_to_be_abandoned;
};

struct books {
        struct ledger ledgers[SLOTS];
        struct fetch fetches[FETCHES];
        uint64_t sent[ACCOUNTS][SENT_MAX];
        unsigned n_sent[ACCOUNTS];
        bool is_configured;
        int default_slot; /* -1: none */
};

unsigned books_slot(const struct broker_token *token);

/* PLANS are configured from now on; DEFAULT_SLOT has default = yes; -1: none. */
void books_configured(struct books *books, const struct plan plans[SLOTS], int default_slot,
                      uint64_t now);
/* A new broker; IS_BLANK: it knows nothing. */
void books_restarted(struct books *books, bool is_blank);

/* The broker says to start or to drop an attempt. */
void books_started(struct books *books, const struct effect *effect, uint64_t now);
void books_abandoned(struct books *books, const struct effect *effect);
void books_expired(const struct books *books, const struct effect *effect, uint64_t now);

/* The timer fires, and attempts whose time is up are given up. */
void books_ticked(struct books *books, uint64_t now);

/* What a token was before an attempt's end. */
struct books_before {
        bool is_current;
        unsigned slot;
        enum outcome_kind kind;
        char value[32];
        uint64_t generation;
        uint64_t expires_at;
        struct outcome outcome; /* without its token: */
        char new_value[32];
};

void books_before_end(const struct books *books, const struct broker *broker, uint64_t attempt,
                      const struct outcome *outcome, struct books_before *ret_before);
void books_ended(struct books *books, uint64_t attempt, const struct books_before *before,
                 const struct broker_token *token, uint64_t now);

/* The slot that a request for NAME is for, as things are; -1: none. */
int books_slot_asked(const struct books *books, const char *name, bool is_hint);
/* USER asked, which was for SLOT then, waited until DEADLINE at most, and gets REQUEST's reply. */
void books_replied(const struct books *books, const struct request *request, int slot,
                   unsigned user, uint64_t deadline, uint64_t now);

/* Nothing is left to be carried out. */
void books_check(const struct books *books, struct broker *broker);
