/* SPDX-License-Identifier: MIT */
/* configure - from the tokens that there are to those that a configuration says: what goes on, what
 * goes, and who waits for which then. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/broker.h"
#include "core/broker_inside.h"

static int compare_tokens(const void *a, const void *b) {
        const struct broker_token *const *left = a, *const *right = b;

        return strcmp((*left)->name, (*right)->name);
}

/* Takes the place of OLD, or goes: nobody can be waiting for it any more. */
static void token_remove(struct broker *broker, struct broker_token *token, uint64_t now) {
        struct list *link;

        while ((link = list_first(&token->waiting)))
                broker_add_reply(broker, CONTAINER_OF(link, struct request, waiter.by_token),
                                 (struct reply){.kind = REPLY_FORBIDDEN}, now);
        followers_dismiss(&broker->followers, token);
        if (token->attempt)
                broker_abandon(broker, token, now);
        token->has_expired = false;
        epochs_give(&broker->epochs, token->slot);
        token->slot = EPOCH_NO_SLOT;
        token->removed = true;
        if (token->lease.generation >= now / NSEC_PER_MSEC)
                broker->removed_generation =
                        time_max(broker->removed_generation, token->lease.generation);
        broker_add_effect(broker, token);
}

/* Those who wait for OLD, or follow it, do so with TOKEN from now on; what is counted is counted by
 * name. */
static void token_inherit(struct broker_token *token, struct broker_token *old) {
        struct list *link;

        while ((link = list_first(&old->waiting))) {
                list_remove(link);
                list_append(&token->waiting, link);
                CONTAINER_OF(link, struct request, waiter.by_token)->reply.token = token;
        }
        token->n_waiting = old->n_waiting;
        old->n_waiting = 0;
        followers_hand_over(old, token);
        token->lease.generation = old->lease.generation;
        token->tally = old->tally;
        token->slot = old->slot;
        old->slot = EPOCH_NO_SLOT;
}

/* What SPEC says that is no part of the token's identity. */
static void token_apply(struct broker_token *token, const struct broker_spec *spec) {
        struct budget *budget = &token->account->budget;

        lease_set_terms(&token->lease, &spec->terms);
        if (spec->terms.requests_per_minute < budget->per_minute)
                budget_set_per_minute(budget, spec->terms.requests_per_minute);
        token->policy = spec->policy;
        token->user = spec->user;
}

/* The token that goes on, or a new one. */
static int token_for(struct broker *broker, const struct broker_spec *spec, uint64_t now,
                     struct broker_token **ret_token) {
        struct broker_token *old = broker_find(broker, spec->name);

        if (old && strcmp(old->identity, spec->identity) == 0 &&
            strcmp(old->account->key, spec->account) == 0) {
                *ret_token = old;
                return 0;
        }
        return broker_token_new(spec, &broker->accounts, now, ret_token);
}

/* TOKENS is in the order of SPECS; what was there before and is not among them goes. */
static void switch_tokens(struct broker *broker, struct broker_token **tokens,
                          const struct broker_spec *specs, size_t n, uint64_t now) {
        struct broker_token **old = broker->tokens;
        size_t n_old = broker->n_tokens;

        /* Of tokens that share a budget, the smallest one holds. */
        LIST_FOREACH(link, &broker->accounts)
                budget_set_per_minute(&CONTAINER_OF(link, struct account, link)->budget,
                                      TERMS_REQUESTS_PER_MINUTE_MAX);
        broker->default_token = n == 1 ? tokens[0] : NULL;
        for (size_t i = 0; i < n; i++) {
                struct broker_token *before = broker_find(broker, specs[i].name);

                /* Generations only rise, whatever the configuration. */
                if (!before)
                        tokens[i]->lease.generation = broker->removed_generation;
                else if (before != tokens[i])
                        token_inherit(tokens[i], before);
                token_apply(tokens[i], &specs[i]);
                if (specs[i].is_default)
                        broker->default_token = tokens[i];
        }
        for (size_t i = 0; i < n_old; i++)
                list_remove(&old[i]->by_name);
        for (size_t i = 0; i < n; i++)
                broker_enter(broker, tokens[i]);
        qsort(tokens, n, sizeof *tokens, compare_tokens);
        broker->tokens = tokens;
        broker->n_tokens = n;
        for (size_t i = 0; i < n_old; i++)
                if (broker_find(broker, old[i]->name) != old[i])
                        token_remove(broker, old[i], now);
        free(old);
        for (size_t i = 0; i < n; i++)
                if (broker->tokens[i]->slot == EPOCH_NO_SLOT)
                        broker->tokens[i]->slot = epochs_take(&broker->epochs);
}

int broker_configure(struct broker *broker, const struct broker_spec *specs, size_t n,
                     uint64_t now) {
        _cleanup_free_ struct broker_token **tokens = calloc(n, sizeof *tokens);
        int r = tokens ? 0 : -ENOMEM;
        size_t made;

        for (made = 0; made < n && r == 0; made++)
                r = token_for(broker, &specs[made], now, &tokens[made]);
        if (r < 0) {
                while (tokens && made-- > 0)
                        if (tokens[made] && broker_find(broker, specs[made].name) != tokens[made])
                                broker_token_free(tokens[made]);
                accounts_sweep(&broker->accounts, now);
                broker_changed(broker);
                return r;
        }
        switch_tokens(broker, tokens, specs, n, now);
        tokens = NULL; /* consumed */
        accounts_sweep(&broker->accounts, now);
        for (size_t i = 0; i < n; i++) {
                if (broker->is_configured)
                        lease_refresh(&broker->tokens[i]->lease, now);
                broker_review(broker, broker->tokens[i], now);
        }
        broker->is_configured = true;
        broker_call_in(broker, now); /* policies, and what is told with a token, may be others */
        broker_changed(broker);
        broker_start_due(broker, now);
        return 0;
}
