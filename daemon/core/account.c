/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/account.h"

static void account_free(struct account *account) {
        list_remove(&account->link);
        free(account->key);
        free(account);
}

static struct account *account_find(const struct list *accounts, const char *key) {
        LIST_FOREACH(link, accounts) {
                struct account *account = CONTAINER_OF(link, struct account, link);

                if (strcmp(account->key, key) == 0)
                        return account;
        }
        return NULL;
}

static struct account *account_new(struct list *accounts, const char *key, unsigned per_minute,
                                   uint64_t now) {
        struct account *account = calloc(1, sizeof *account);

        if (!account)
                return NULL;
        account->key = strdup(key);
        if (!account->key) {
                account_free(account);
                return NULL;
        }
        budget_init(&account->budget, per_minute, now);
        list_append(accounts, &account->link);
        return account;
}

int account_need(struct list *accounts, const char *key, unsigned per_minute, uint64_t now,
                 struct account **ret_account) {
        struct account *account = account_find(accounts, key);

        if (!account)
                account = account_new(accounts, key, per_minute, now);
        if (!account)
                return -ENOMEM;
        *ret_account = account;
        return 0;
}

int account_join(struct list *accounts, const char *key, unsigned per_minute, uint64_t now,
                 struct account **ret_account) {
        int r = account_need(accounts, key, per_minute, now, ret_account);

        if (r == 0)
                (*ret_account)->n_tokens++;
        return r;
}

void account_leave(struct account *account) {
        if (!account)
                return;
        assert(account->n_tokens > 0);
        account->n_tokens--;
}

void accounts_sweep(struct list *accounts, uint64_t now) {
        LIST_FOREACH_SAFE(link, following, accounts) {
                struct account *account = CONTAINER_OF(link, struct account, link);

                if (account->n_tokens == 0 && budget_is_blank(&account->budget, now))
                        account_free(account);
        }
}

void accounts_free(struct list *accounts) {
        LIST_FOREACH_SAFE(link, following, accounts) {
                struct account *account = CONTAINER_OF(link, struct account, link);

                assert(account->n_tokens == 0);
                account_free(account);
        }
}
