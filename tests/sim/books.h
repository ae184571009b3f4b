/* SPDX-License-Identifier: MIT */
/* books - what the auditor knows, from what it has seen. */
#pragma once

#include "auditor.h"
#include "ears.h"

/* More than any budget of a plan. */
#define SENT_MAX 1024u
/* More than a user may ask in a second of chaos. */
#define ADMITTED_MAX 64u
/* By then, at the latest, is done what waits for nothing but a shared budget. */
#define PATIENCE (5 * MINUTE + SLOTS * MINUTE)

/* What is known of a token, by its slot. */
struct ledger {
        /* The one that may be handed out: by the issuer's number; 0: none. */
        uint64_t number;
        uint64_t expires_at;
        uint64_t floor_at;
        uint64_t early_until;  /* no renewal by itself before */
        uint64_t late_from;    /* one should have begun by then */
        uint64_t forced_until; /* none that a worker forces before */

        uint64_t granted_at; /* the last success; 0: none that counts */
        uint64_t life;
        uint64_t retry_until;  /* by Retry-After */
        uint64_t paused_until; /* by our own backoff, at least */
        uint64_t retry_by;     /* there is an attempt by then; 0: nothing has failed */
        unsigned n_denials;    /* since the last success or refresh */
        unsigned n_failures;   /* passing ones in a row */
        bool is_denied;        /* by the last attempt that has ended */

        bool in_flight;
        uint64_t started_at;  /* of the last attempt, as the broker decided */
        bool is_refused;      /* the token, by a worker, since it came */
        bool is_forced;       /* the last attempt, by a worker and nothing else */
        bool may_renew;       /* early: an operator wants it, or an attempt has failed */
        bool may_renew_again; /* ... once more, after the attempt in flight */
        bool is_wished;       /* by a worker with after or min_valid, since the last success */

        /* Whatever was configured or forgotten since: of the last token, and what was handed out.
         */
        uint64_t top_generation;
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

/* A token that a worker keeps. */
struct copy {
        uint32_t slot;
        uint64_t epoch; /* 0: none */
        uint64_t given_at;
        uint64_t number; /* the issuer's */
        uint64_t until;
};

/* What a reader knows. */
struct story {
        uint64_t generation;
        bool has_token; /* it has not been told that there is none any more */
};

/* What a tally should say. */
struct score {
        uint64_t replies[N_REPLY_KINDS];
        uint64_t attempts[N_OUTCOME_KINDS];
        uint64_t waited; /* ns, over all replies */
        uint64_t news;
};

struct books {
        bool traces;
        bool steady_clock;
        struct ledger ledgers[SLOTS];
        /* Since the last start that knew nothing. */
        uint64_t sent[ACCOUNTS][SENT_MAX];
        unsigned n_sent[ACCOUNTS];
        uint64_t sent_start[ACCOUNTS]; /* when the last one of those began */
        uint64_t cold_until;
        struct before before;
        uint64_t waiting[SLOTS], n_waiting;
        uint64_t admitted[USERS][ADMITTED_MAX]; /* when; a ring, since the limits changed */
        unsigned n_admitted[USERS];
        uint64_t n_wakeups, n_happened; /* what a wake-up may be good for */
        struct copy copies[WORKERS][SLOTS];
        struct story stories[READERS];
        uint64_t n_following[SLOTS], n_follow;
        uint64_t called_in_at; /* all copies, by what operators did */
        uint64_t slept_at;
        uint64_t clock_offset; /* of the wall clock, when it was looked at last */
        bool had_token;
        uint64_t asked_at[WORKERS];
        struct score scores[SLOTS]; /* since it is there, in this life of the broker */
        struct score score_of_none; /* of replies that are about no token */
};

extern struct books books;

__attribute__((format(printf, 2, 3), noreturn)) void violated(const struct world *world,
                                                              const char *format, ...);

#define HOLDS(condition, ...)                                                                      \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        violated(world, __VA_ARGS__);                                              \
        } while (0)

static inline bool ledger_has_token(const struct ledger *ledger, uint64_t now) {
        return ledger->number > 0 && now < ledger->floor_at;
}

static inline void ledger_end_pause(struct ledger *ledger) {
        ledger->n_denials = ledger->n_failures = 0;
        ledger->paused_until = 0;
}

/* Whether WORKER, or the user UID, may have the token of SLOT. */
bool books_user_may_have(const struct world *world, uid_t uid, unsigned slot);
bool books_may_have(const struct world *world, const struct worker *worker, unsigned slot);

/* ---- what workers keep: audit_copies.c ---- */

/* WORKER has got a token; those from now on are others, whatever else is; looks at all of them. */
void copies_given(const struct world *world, const struct worker *worker);
void copies_called_in(const struct world *world);
void copies_check(const struct world *world);

/* ---- what readers know: audit_readers.c ---- */

void readers_check(const struct world *world);

/* The smallest budget of those that share ACCOUNT. */
unsigned books_budget(const struct world *world, unsigned account);

/* ---- what is counted: audit_tallies.c ---- */

void tallies_asked(const struct world *world, const struct worker *worker);
void tallies_replied(const struct world *world, const struct worker *worker);
/* Who wanted to follow SLOT got REPLY instead; who follows it is told a generation. */
void tallies_refused(unsigned slot, const struct reply *reply);
void tallies_told(unsigned slot);
/* An attempt for SLOT has ended so; it has no token any more; the broker is a new one. */
void tallies_ended(unsigned slot, enum outcome_kind kind);
void tallies_forget(unsigned slot);
void tallies_forget_all(void);
void tallies_check(const struct world *world);

/* What bearerd says is heard each time in chaos, and now and then in calm years. */
static inline bool books_hear(const struct world *world) {
        return world->scenario != SCENARIO_CALM || world->n_events % 16 == 0;
}
