/* SPDX-License-Identifier: MIT */
/* account - a client at its token endpoint: the tokens that are asked for there share its budget.
 *
 * Owned by its tokens together: the last one that leaves takes it along. */
#pragma once

#include "base/list.h"
#include "core/budget.h"

struct account {
        struct list link; /* among the accounts */
        unsigned n_tokens;
        struct budget budget;
        char *key;
};

/* NULL if there is none. */
struct account *account_find(const struct list *accounts, const char *key);

/* One more token goes by the account KEY of ACCOUNTS, which is made if there is none: then with a
 * budget of so many requests PER_MINUTE from NOW on. 0, or -ENOMEM. */
int account_join(struct list *accounts, const char *key, unsigned per_minute, uint64_t now,
                 struct account **ret_account);
/* One token less; NULL does not count. */
void account_leave(struct account *account);
