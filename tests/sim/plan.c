/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"
#include "wire/config.h"

#define SECOND NSEC_PER_SEC
#define MINUTE NSEC_PER_MIN

static void plan_budget(struct plan *plan, struct random *random) {
        uint64_t most = random_one_in(random, 4) ? TERMS_REQUESTS_PER_MINUTE_MAX : 20;

        plan->terms.requests_per_minute = (unsigned)random_between(random, 1, most);
}

void plan_terms(struct plan *plan, bool is_calm, struct random *random) {
        struct terms *terms = &plan->terms;

        *terms = TERMS_DEFAULT;
        plan->n_users = 0;
        plan->is_default = is_calm || random_one_in(random, 3);
        if (is_calm)
                return;
        if (random_one_in(random, 3))
                plan->users[plan->n_users++] = (uid_t)random_below(random, USERS);
        if (plan->is_default)
                return;
        terms->refresh_ahead = random_span(random, 60 * MINUTE);
        terms->floor = random_span(random, 5 * MINUTE);
        terms->min_renewal_interval = random_span(random, 2 * MINUTE);
        terms->renewal_pause = SECOND + random_span(random, 2 * MINUTE);
        terms->renewal_pause_max = terms->renewal_pause + random_span(random, 15 * MINUTE);
        terms->retry_min = NSEC_PER_MSEC + random_span(random, 10 * SECOND);
        terms->retry_max = terms->retry_min + random_span(random, 2 * MINUTE);
        terms->denied_min = SECOND + random_span(random, 2 * MINUTE);
        terms->denied_max = terms->denied_min + random_span(random, 15 * MINUTE);
        terms->attempt_timeout = SECOND + random_span(random, MINUTE);
        plan_budget(plan, random);
}

void plan_identity(struct plan *plan, unsigned slot, bool is_calm, struct random *random) {
        plan->version++;
        plan->account = (unsigned)random_below(random, ACCOUNTS);
        snprintf(plan->name, sizeof plan->name, "%c", letter_of(slot));
        snprintf(plan->identity, sizeof plan->identity, "%u.%u.%u", slot, plan->version % 100000,
                 plan->account);
        snprintf(plan->key, sizeof plan->key, "%u", plan->account);
        plan_terms(plan, is_calm, random);
}

void plans_apply(const struct plan *plans, struct broker *broker, uint64_t now) {
        static char practice_id[] = "195900";
        static const struct config_token config = {.practice_id = practice_id};
        struct broker_spec specs[SLOTS];
        size_t n = 0;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                const struct plan *plan = &plans[slot];

                if (plan->is_there)
                        specs[n++] = (struct broker_spec){
                                .name = plan->name,
                                .identity = plan->identity,
                                .account = plan->key,
                                .terms = plan->terms,
                                .policy = {.users = plan->users, .n_users = plan->n_users},
                                .user = &config,
                        };
        }
        if (broker_configure(broker, specs, n, now) < 0)
                abort();
}
