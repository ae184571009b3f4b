/* SPDX-License-Identifier: MIT */
/* lease - the life of one token: when it is asked for, renewed, handed out, and given up.
 *
 * Owns the token. Knows nothing of clocks, sockets, other tokens or who asks: the time and chance
 * come in, and what is to be done goes out as a value. Every entry point takes NOW once.
 *
 *              want, due                    granted
 *      EMPTY ------------> FETCHING -----------------------> FRESH
 *        ^  <------------     |  ^                           |   ^
 *        |   failed, denied,  |  |                  due,     |   |  granted, failed,
 *        |   misconfigured    |  | floor            forced   v   |  denied, misconfigured
 *        |                    |  +------------------------ RENEWING
 *        +--------------------+------- floor ---------------- (FRESH)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/outcome.h"
#include "core/rendering.h"
#include "core/terms.h"

/* A token younger than this is as good as any that a renewal would bring. */
#define LEASE_YOUNG (30 * NSEC_PER_SEC)
/* The forms that an answer with the token has, whatever they are. */
#define LEASE_RENDERINGS 9u

enum lease_state {
        LEASE_EMPTY,    /* no token that could be handed out, no request in flight */
        LEASE_FETCHING, /* no token, a request in flight */
        LEASE_FRESH,    /* a token, no request in flight */
        LEASE_RENEWING, /* a token, a request in flight */
};

/* What a request asks for besides "the token". */
struct want {
        uint64_t after;     /* a generation: one newer than this; 0: any */
        uint64_t min_valid; /* ns that it must have left, renewing if need be; 0: any */
};

enum verdict {
        VERDICT_TOKEN,  /* hand it out */
        VERDICT_WAIT,   /* the one to come will do */
        VERDICT_RENEW,  /* start a request (lease_begin), then wait for it */
        VERDICT_PAUSED, /* no newer one for now: 429 */
        VERDICT_DENIED, /* no token, and the endpoint refuses: 502 */
};

/* Why no renewal may start now. */
enum hindrance {
        HINDRANCE_NONE,
        HINDRANCE_FRESH,         /* the token has just been renewed */
        HINDRANCE_BACKOFF,       /* the endpoint is failing, or asked for patience */
        HINDRANCE_DENIED,        /* the endpoint refuses */
        HINDRANCE_MISCONFIGURED, /* bearerd-fetch cannot read what it needs */
        HINDRANCE_BUDGET,        /* requests_per_minute is used up */
};

/* How the last attempt ended, if not well. */
struct failure {
        enum outcome_kind kind;
        unsigned times; /* so often in a row, with this kind and status */
        uint64_t at;
        int status;
        char error[OUTCOME_ERROR_MAX + 1];
        char message[OUTCOME_MESSAGE_MAX + 1];
};

struct lease {
        struct terms terms;
        enum lease_state state;

        /* The token; FRESH and RENEWING only, but the generation stays. */
        struct secret access_token;
        char scope[OUTCOME_SCOPE_MAX + 1];
        uint64_t generation;
        uint64_t life;       /* L, ns */
        uint64_t granted_at; /* 0: never */
        uint64_t expires_at;
        uint64_t floor_at;
        uint64_t refresh_at;
        struct rendering renderings[LEASE_RENDERINGS]; /* with the token in them */

        /* The attempt in flight, or the last one. */
        uint64_t started_at;
        bool is_forced; /* until it succeeds, in this attempt or in a later one */

        /* Ahead of the next attempt. */
        uint64_t hold_until;        /* by our own backoff or pause */
        uint64_t retry_after_until; /* by the endpoint's wish */
        bool refresh_wanted;        /* an operator asked while an attempt was in flight */
        unsigned failures;          /* passing ones in a row */
        unsigned denials;           /* since the last success or refresh */
        bool is_failing;            /* the last attempt gave no token: then */
        struct failure failure;     /* that is how */
        bool has_recovered;         /* the last success ended a time of failing */

        /* Renewals that workers forced. */
        uint64_t forced_until; /* no other one before */
        uint64_t forced_pause; /* the pause that ends there; 0: never had one */

        uint64_t renewals; /* successes in all */
};

void lease_init(struct lease *lease, const struct terms *terms);
void lease_deinit(struct lease *lease);
/* From now on. Times that were computed stay. */
void lease_set_terms(struct lease *lease, const struct terms *terms);

/* Goes on where KEPT was when its process ended, whose token is consumed. What is lost by itself is
 * lost: an attempt in flight, failures and our own pauses. A token past its floor is given up. 0;
 * -EINVAL: it makes no sense, and nothing has changed. */
int lease_recall(struct lease *lease, struct lease *kept, uint64_t now);

/* What a request gets; changes nothing. BUDGET_NEXT: when the budget has room. With VERDICT_PAUSED,
 * *ret_hindrance says why and *ret_next until when. */
enum verdict lease_judge(const struct lease *lease, const struct want *want, uint64_t budget_next,
                         uint64_t now, enum hindrance *ret_hindrance, uint64_t *ret_next);

/* When it wants the next attempt by itself; NEVER while one is in flight. */
uint64_t lease_next_attempt(const struct lease *lease);
/* When lease_expired() is due: the token's floor, or the end of an attempt's time. */
uint64_t lease_deadline(const struct lease *lease);

/* A request was started; IS_FORCED: by a worker's after or min_valid. */
void lease_begin(struct lease *lease, bool is_forced, uint64_t now);

/* The attempt in flight has ended so. Takes the token out of OUTCOME. RANDOM: 64 random bits. */
void lease_ended(struct lease *lease, struct outcome *outcome, uint64_t random, uint64_t now);

/* If the floor has come, the token is given up and wiped. True: so it was. */
bool lease_expired(struct lease *lease, uint64_t now);

/* What answers say besides has changed. */
void lease_forget_renderings(struct lease *lease);

/* An operator wants a new token, or something may have been mended: backoff and pauses are over,
 * the endpoint's own Retry-After and the spacing of renewals are not. */
void lease_refresh(struct lease *lease, uint64_t now);

static inline bool lease_in_flight(const struct lease *lease) {
        return lease->state == LEASE_FETCHING || lease->state == LEASE_RENEWING;
}

/* Whether the token may be handed out. */
static inline bool lease_is_usable(const struct lease *lease, uint64_t now) {
        return (lease->state == LEASE_FRESH || lease->state == LEASE_RENEWING) &&
               now < lease->floor_at;
}

/* A generation that there has not been yet cannot have been refused. */
static inline bool lease_is_refused(const struct lease *lease, const struct want *want) {
        return want->after == lease->generation;
}

/* Whether the token that there is will do, as it does most often. */
static inline bool lease_satisfies(const struct lease *lease, const struct want *want,
                                   uint64_t now) {
        return lease_is_usable(lease, now) && !lease_is_refused(lease, want) &&
               (want->min_valid <= lease->expires_at - now ||
                now - lease->granted_at < LEASE_YOUNG);
}

/* When the attempt in flight is given up. */
static inline uint64_t lease_attempt_deadline(const struct lease *lease) {
        return lease_in_flight(lease) ? time_add(lease->started_at, lease->terms.attempt_timeout)
                                      : NEVER;
}
