/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/recall.h"

/* In the order of names. */
static int insert(struct broker *broker, struct broker_token *token) {
        size_t i = broker->n_tokens;
        struct broker_token **tokens =
                reallocarray(broker->tokens, broker->n_tokens + 1, sizeof *tokens);

        if (!tokens)
                return -ENOMEM;
        broker->tokens = tokens;
        for (; i > 0 && strcmp(tokens[i - 1]->name, token->name) > 0; i--)
                tokens[i] = tokens[i - 1];
        tokens[i] = token;
        broker->n_tokens++;
        broker_enter(broker, token);
        return 0;
}

int recall_token(struct broker *broker, const char *name, const char *identity, const char *account,
                 struct lease *lease, uint64_t now) {
        const struct broker_spec spec = {
                .name = name, .identity = identity, .account = account, .terms = TERMS_DEFAULT};
        _cleanup_(cleanup_broker_token) struct broker_token *token = NULL;
        int r;

        if (broker_find(broker, name))
                return -EINVAL;
        r = broker_token_new(&spec, &broker->accounts, now, &token);
        if (r < 0)
                return r;
        r = lease_recall(&token->lease, lease, now);
        if (r < 0)
                return r;
        r = insert(broker, token);
        if (r < 0)
                return r;
        token = NULL; /* consumed */
        return 0;
}

int recall_budget(struct broker *broker, const char *account, const struct budget *budget,
                  uint64_t now) {
        struct account *found;
        int r = account_need(&broker->accounts, account, TERMS_REQUESTS_PER_MINUTE_MAX, now,
                             &found);

        return r < 0 ? r : budget_recall(&found->budget, budget, now);
}
