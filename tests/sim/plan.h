/* SPDX-License-Identifier: MIT */
/* plan - what is configured: for each slot, whether there is a token, and by what terms. */
#pragma once

#include "core/broker.h"
#include "random.h"

#define SLOTS    4 /* tokens that there may be: "a", "b", ... */
#define ACCOUNTS 2
#define USERS    3

struct plan {
        bool is_there;
        bool is_default;  /* its terms are the default ones */
        unsigned version; /* of its identity */
        unsigned account;
        struct terms terms;
        uid_t users[USERS];
        size_t n_users;
        char name[2];
        char identity[16];
        char key[4];
};

/* A first plan for SLOT, or another token of that name. A calm one has default terms, for
 * everyone. */
void plan_identity(struct plan *plan, unsigned slot, bool is_calm, struct random *random);
/* Other terms and policy for the same token. */
void plan_terms(struct plan *plan, bool is_calm, struct random *random);

/* BROKER goes by PLANS, SLOTS of them, from now on. */
void plans_apply(const struct plan *plans, struct broker *broker, uint64_t now);

/* "a" is 0. */
static inline unsigned slot_of(const struct broker_token *token) {
        return (unsigned)(token->name[0] - 'a');
}

static inline int letter_of(unsigned slot) {
        return 'a' + (int)slot;
}
