/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/token.h"

struct broker_token *broker_token_free(struct broker_token *token) {
        if (!token)
                return NULL;
        list_remove(&token->effects);
        list_remove(&token->by_name);
        lease_deinit(&token->lease);
        account_leave(token->account);
        free(token->identity);
        free(token);
        return NULL;
}

int broker_token_new(const struct broker_spec *spec, struct list *accounts, uint64_t now,
                     struct broker_token **ret_token) {
        _cleanup_(cleanup_broker_token) struct broker_token *token = calloc(1, sizeof *token);
        int r;

        if (!token || !(token->identity = strdup(spec->identity)))
                return -ENOMEM;
        r = account_join(accounts, spec->account, spec->terms.requests_per_minute, now,
                         &token->account);
        if (r < 0)
                return r;
        assert(strlen(spec->name) <= TOKEN_NAME_MAX);
        strcpy(token->name, spec->name);
        token->slot = EPOCH_NO_SLOT;
        list_init(&token->waiting);
        list_init(&token->followers);
        lease_init(&token->lease, &spec->terms);
        *ret_token = token;
        token = NULL; /* consumed */
        return 0;
}
