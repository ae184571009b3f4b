/* SPDX-License-Identifier: MIT */
/* token - what bearerd answered: one access token and what belongs to it.
 *
 * Owns the access token, wiped with the last reference. Immutable, but for the references. Those
 * of the thread that keeps it are counted by that thread alone, without atomic operations: 1 ns
 * rather than 10 for a reference and its end (biased reference counting, Choi and others, PACT
 * 2018). bearer.h has the accessors. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/slice.h"
#include "bearer.h"
#include "core/name.h"
#include "core/outcome.h"
#include "wire/epoch.h"

#define TOKEN_PRACTICE_ID_MAX ((size_t)255)

struct bearer_token {
        _Atomic(const void *) keeper; /* a thread, by its self; NULL: none */
        int64_t lent;                 /* references that the keeper has counted */
        _Atomic int64_t references;   /* all others, and KEPT */
        struct secret value;
        char name[TOKEN_NAME_MAX + 1];
        char scope[OUTCOME_SCOPE_MAX + 1];
        char practice_id[TOKEN_PRACTICE_ID_MAX + 1];
        uint64_t generation;
        uint64_t expires_at; /* Unix time, seconds */
        uint64_t ends_at;    /* clock_now() time */
};

/* Until when a token may be kept: as long as the epoch is the one in that slot of that file, and no
 * longer than it is served. */
struct token_offer {
        uint64_t served_for; /* seconds */
        uint64_t epoch;      /* 0: it may not */
        uint32_t slot;
        char epoch_file[EPOCH_PATH_MAX + 1];
};

/* Reads the body of a 200 (RFC 6749 5.1, docs/protocol.md) that came at RECEIVED_AT, a clock_now()
 * time. Believes nothing: types, ranges and alphabets are checked. 0; -EBADMSG; -ENOMEM. */
int token_parse(struct slice body, uint64_t received_at, struct bearer_token **ret_token,
                struct token_offer *ret_offer);

/* TOKEN, of which there is one reference, is kept by this thread, whose references are counted
 * apart from now on, until it lets go. */
void token_keep(struct bearer_token *token);
/* Another reference, by the thread that keeps it. */
static inline struct bearer_token *token_lend(struct bearer_token *token) {
        token->lent++;
        return token;
}

/* By the thread that has kept it. */
void token_let_go(struct bearer_token *token);
