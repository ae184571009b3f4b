/* SPDX-License-Identifier: MIT */
/* token - one token of the broker: what the configuration says of it, its lease, and who waits.
 *
 * Owns its identity and lease, and shares its account with other tokens. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "core/account.h"
#include "core/epochs.h"
#include "core/lease.h"
#include "core/name.h"
#include "core/policy.h"
#include "core/tally.h"

/* What the configuration says of one token. Strings are copied; the lists of the policy and USER
 * are borrowed until the next broker_configure(). */
struct broker_spec {
        const char *name;
        const char *identity; /* as long as this is the same, so is the token */
        const char *account;  /* tokens of one account share a budget */
        bool is_default;
        struct terms terms;
        struct policy policy;
        const void *user; /* the caller's */
};

/* A token, and who waits for it. */
struct broker_token {
        char name[TOKEN_NAME_MAX + 1];
        char *identity;
        struct account *account;
        struct policy policy;
        const void *user;
        struct lease lease;
        uint32_t slot;       /* in broker.epochs */
        struct list waiting; /* requests, by waiter.by_token */
        uint64_t n_waiting;
        struct list followers; /* by follower.by_token */
        uint64_t n_followers;
        struct tally tally;  /* of all that were called so, since bearerd started */
        uint64_t attempt;    /* number of the one in flight; 0: none */
        uint64_t to_abandon; /* number of one whose answer no longer matters; 0: none */
        bool to_start;       /* the attempt is not yet handed to the caller */
        bool has_expired;    /* given up at its floor, which is to be told */
        bool removed;        /* by a reload; freed when its effects are taken */
        struct list effects; /* in broker.effects */
        struct list by_name; /* in broker.buckets */
};

/* A token that nobody has asked for yet, in an account among ACCOUNTS. Neither policy nor user are
 * set. 0, or -ENOMEM. */
int broker_token_new(const struct broker_spec *spec, struct list *accounts, uint64_t now,
                     struct broker_token **ret_token);
struct broker_token *broker_token_free(struct broker_token *token);
DEFINE_CLEANUP_FREE(broker_token)
