/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/budget.h"

void budget_init(struct budget *budget, unsigned per_minute, uint64_t now) {
        memset(budget, 0, sizeof *budget);
        budget->cold_until = time_add(now, BUDGET_WINDOW);
        budget_set_per_minute(budget, per_minute);
}

void budget_set_per_minute(struct budget *budget, unsigned per_minute) {
        assert(per_minute > 0 && per_minute <= TERMS_REQUESTS_PER_MINUTE_MAX);
        budget->per_minute = per_minute;
}

bool budget_is_blank(const struct budget *budget, uint64_t now) {
        return budget->in_flight == 0 &&
               (budget->n_sent == 0 || budget->sent[budget->n_sent - 1] + BUDGET_WINDOW <= now);
}

/* When the window has room: one must have left it that was sent so many before the last. */
static uint64_t window_next(const struct budget *budget) {
        unsigned used = budget->in_flight + budget->n_sent;

        if (used < budget->per_minute)
                return 0;
        if (budget->in_flight >= budget->per_minute)
                return NEVER;
        return budget->sent[used - budget->per_minute] + BUDGET_WINDOW;
}

static uint64_t cold_next(const struct budget *budget) {
        uint64_t spacing = BUDGET_WINDOW / budget->per_minute, next = 0;

        if (budget->in_flight > 0)
                next = budget->taken_at + spacing;
        if (budget->n_sent > 0)
                next = time_max(next, budget->sent[budget->n_sent - 1] + spacing);
        return time_min(next, budget->cold_until);
}

uint64_t budget_next(const struct budget *budget, uint64_t now) {
        return time_max(now, time_max(window_next(budget), cold_next(budget)));
}

unsigned budget_left(const struct budget *budget, uint64_t now) {
        unsigned used = budget->in_flight;

        for (unsigned i = budget->n_sent; i > 0 && budget->sent[i - 1] + BUDGET_WINDOW > now; i--)
                used++;
        return used < budget->per_minute ? budget->per_minute - used : 0;
}

void budget_take(struct budget *budget, uint64_t now) {
        budget->in_flight++;
        budget->taken_at = now;
}

static void remember(struct budget *budget, uint64_t sent_at) {
        unsigned i;

        if (budget->n_sent == TERMS_REQUESTS_PER_MINUTE_MAX)
                memmove(budget->sent, budget->sent + 1, --budget->n_sent * sizeof budget->sent[0]);
        for (i = budget->n_sent++; i > 0 && budget->sent[i - 1] > sent_at; i--)
                budget->sent[i] = budget->sent[i - 1];
        budget->sent[i] = sent_at;
}

void budget_settle(struct budget *budget, bool sent, uint64_t sent_at) {
        assert(budget->in_flight > 0);
        budget->in_flight--;
        if (sent)
                remember(budget, sent_at);
}

int budget_recall(struct budget *budget, const struct budget *kept, uint64_t now) {
        if (kept->n_sent > TERMS_REQUESTS_PER_MINUTE_MAX ||
            kept->in_flight > TERMS_REQUESTS_PER_MINUTE_MAX ||
            kept->cold_until > time_add(now, BUDGET_WINDOW))
                return -EINVAL;
        for (unsigned i = 0; i < kept->n_sent; i++)
                if (kept->sent[i] > (i + 1 < kept->n_sent ? kept->sent[i + 1] : now))
                        return -EINVAL;
        budget->cold_until = kept->cold_until;
        budget->n_sent = kept->n_sent;
        memcpy(budget->sent, kept->sent, sizeof budget->sent);
        for (unsigned i = 0; i < kept->in_flight; i++)
                remember(budget, now);
        return 0;
}
