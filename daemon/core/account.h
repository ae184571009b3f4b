/* SPDX-License-Identifier: MIT */
/* account - a client at its token endpoint: the tokens that are asked for there share its budget.
 *
 * Owned by the list that it is in. What was sent counts for a minute, though its tokens are gone:
 * they may come back. */
#pragma once

#include "base/list.h"
#include "core/budget.h"

struct account {
        struct list link; /* among the accounts */
        unsigned n_tokens;
        struct budget budget;
        char *key;
};

/* The account KEY of ACCOUNTS, which is made if there is none: then with a budget of so many
 * requests PER_MINUTE from NOW on. 0, or -ENOMEM. */
int account_need(struct list *accounts, const char *key, unsigned per_minute, uint64_t now,
                 struct account **ret_account);
/* The same, and one more token goes by it. */
int account_join(struct list *accounts, const char *key, unsigned per_minute, uint64_t now,
                 struct account **ret_account);
/* One token less; NULL does not count. */
void account_leave(struct account *account);

/* Frees the accounts without tokens whose budget has nothing to remember at NOW. */
void accounts_sweep(struct list *accounts, uint64_t now);
/* Frees all; none has a token any more. */
void accounts_free(struct list *accounts);
