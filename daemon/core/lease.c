/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/backoff.h"
#include "core/lease.h"

#define RETRY_AFTER_MAX    UINT64_C(3600) /* seconds */
#define REFRESH_JITTER_MAX (60 * NSEC_PER_SEC)

void lease_init(struct lease *lease, const struct terms *terms) {
        *lease = (struct lease){.terms = *terms};
}

void lease_forget_renderings(struct lease *lease) {
        for (unsigned i = 0; i < LEASE_RENDERINGS; i++)
                rendering_deinit(&lease->renderings[i]);
}

void lease_deinit(struct lease *lease) {
        secret_deinit(&lease->access_token);
        lease_forget_renderings(lease);
        *lease = (struct lease){0};
}

void lease_set_terms(struct lease *lease, const struct terms *terms) {
        lease->terms = *terms;
}

/* What one life writes down, the next one can believe: times in their order, none too far ahead. */
static bool makes_sense(const struct lease *kept, uint64_t now) {
        if (kept->granted_at > now || kept->floor_at > kept->expires_at ||
            kept->refresh_at > kept->expires_at ||
            kept->life > OUTCOME_EXPIRES_IN_MAX * NSEC_PER_SEC ||
            kept->expires_at > time_add(kept->granted_at, kept->life))
                return false;
        if (kept->retry_after_until > time_add(now, RETRY_AFTER_MAX * NSEC_PER_SEC) ||
            kept->forced_until > time_add(now, kept->forced_pause))
                return false;
        return kept->access_token.size == 0 || kept->generation > 0;
}

int lease_recall(struct lease *lease, struct lease *kept, uint64_t now) {
        assert(lease->state == LEASE_EMPTY && lease->generation == 0);
        if (!makes_sense(kept, now))
                return -EINVAL;
        memcpy(lease->scope, kept->scope, sizeof lease->scope);
        lease->generation = kept->generation;
        lease->life = kept->life;
        lease->granted_at = kept->granted_at;
        lease->expires_at = kept->expires_at;
        lease->floor_at = kept->floor_at;
        lease->refresh_at = kept->refresh_at;
        lease->retry_after_until = kept->retry_after_until;
        lease->forced_until = kept->forced_until;
        lease->forced_pause = kept->forced_pause;
        lease->renewals = kept->renewals;
        if (kept->access_token.size == 0 || now >= kept->floor_at)
                return 0;
        secret_move(&lease->access_token, &kept->access_token); /* consumed */
        lease->state = LEASE_FRESH;
        return 0;
}

/* Successes are apart, so that an endpoint that gives the same dying token again and again is not
 * asked again and again. */
static uint64_t spaced_until(const struct lease *lease) {
        if (lease->granted_at == 0)
                return 0;
        return time_add(lease->granted_at,
                        time_min(lease->terms.min_renewal_interval, lease->life / 2));
}

/* By how the last attempt ended. */
static uint64_t held_until(const struct lease *lease) {
        return time_max(lease->hold_until, lease->retry_after_until);
}

/* The first time at which any attempt may start, whoever wants it; the budget aside. */
static uint64_t earliest_attempt(const struct lease *lease) {
        return time_max(spaced_until(lease), held_until(lease));
}

uint64_t lease_next_attempt(const struct lease *lease) {
        switch (lease->state) {
        case LEASE_EMPTY:
                return earliest_attempt(lease);
        case LEASE_FRESH:
                return time_max(lease->refresh_at, earliest_attempt(lease));
        case LEASE_FETCHING:
        case LEASE_RENEWING:
                return NEVER;
        }
        assert(!"a state that is none");
        return NEVER;
}

uint64_t lease_deadline(const struct lease *lease) {
        switch (lease->state) {
        case LEASE_EMPTY:
                return NEVER;
        case LEASE_FETCHING:
                return lease_attempt_deadline(lease);
        case LEASE_FRESH:
                return lease->floor_at;
        case LEASE_RENEWING:
                return time_min(lease->floor_at, lease_attempt_deadline(lease));
        }
        assert(!"a state that is none");
        return NEVER;
}

static enum hindrance hindrance_by_failure(const struct lease *lease) {
        switch (lease->failure.kind) {
        case OUTCOME_DENIED:
                return HINDRANCE_DENIED;
        case OUTCOME_MISCONFIGURED:
                return HINDRANCE_MISCONFIGURED;
        case OUTCOME_FAILED:
        case OUTCOME_GRANTED:
                break;
        }
        return HINDRANCE_BACKOFF;
}

/* Why an attempt that a request wants may not start now, and until when. A failure comes first: the
 * token may be fresh too, but a newer one is on its way. */
static enum hindrance hindrance(const struct lease *lease, bool is_forced, uint64_t budget_next,
                                uint64_t now, uint64_t *ret_next) {
        uint64_t held = held_until(lease), spaced = spaced_until(lease);

        if (is_forced)
                spaced = time_max(spaced, lease->forced_until);
        *ret_next = time_max(budget_next, time_max(held, spaced));
        if (held > now)
                return hindrance_by_failure(lease);
        if (spaced > now)
                return HINDRANCE_FRESH;
        return budget_next > now ? HINDRANCE_BUDGET : HINDRANCE_NONE;
}

enum verdict lease_judge(const struct lease *lease, const struct want *want, uint64_t budget_next,
                         uint64_t now, enum hindrance *ret_hindrance, uint64_t *ret_next) {
        bool usable = lease_is_usable(lease, now);
        enum hindrance why;
        uint64_t next;

        if (lease_satisfies(lease, want, now))
                return VERDICT_TOKEN;
        if (lease_in_flight(lease))
                return VERDICT_WAIT;
        why = hindrance(lease, usable, budget_next, now, &next);
        if (why == HINDRANCE_NONE)
                return VERDICT_RENEW;
        if (!usable)
                return why == HINDRANCE_DENIED ? VERDICT_DENIED : VERDICT_WAIT;
        if (!lease_is_refused(lease, want))
                return VERDICT_TOKEN;
        *ret_hindrance = why;
        *ret_next = next;
        return VERDICT_PAUSED;
}

/* The first forced renewal after a quiet time brings the shortest pause; one that comes within a
 * further pause of the last one's end shows that refusals go on. */
static uint64_t next_forced_pause(const struct lease *lease, uint64_t now) {
        const struct terms *terms = &lease->terms;
        uint64_t twice = time_add(lease->forced_pause, lease->forced_pause);

        if (lease->forced_pause == 0 || now >= time_add(lease->forced_until, lease->forced_pause))
                return terms->renewal_pause;
        /* The last one may have been by other terms. */
        return time_max(terms->renewal_pause, time_min(twice, terms->renewal_pause_max));
}

void lease_begin(struct lease *lease, bool is_forced, uint64_t now) {
        switch (lease->state) {
        case LEASE_EMPTY:
                lease->state = LEASE_FETCHING;
                break;
        case LEASE_FRESH:
                lease->state = LEASE_RENEWING;
                break;
        case LEASE_FETCHING:
        case LEASE_RENEWING:
                assert(!"one request in flight per token");
                return;
        }
        lease->started_at = now;
        lease->is_forced |= is_forced;
        lease->refresh_wanted = false;
}

/* Takes over the token. False: its life is over already, so that it is none. */
static bool take_token(struct lease *lease, struct outcome *outcome, uint64_t random,
                       uint64_t now) {
        uint64_t sent_at = time_min(time_max(outcome->sent_at, lease->started_at), now);
        uint64_t life = outcome->expires_in * NSEC_PER_SEC, expires_at = time_add(sent_at, life);
        uint64_t floor_at = expires_at - time_min(lease->terms.floor, life / 10);

        if (floor_at <= now)
                return false;
        lease_forget_renderings(lease);
        /* The same token again, perhaps with another expiry, is no new generation. */
        if (!secret_equal(&lease->access_token, &outcome->access_token)) {
                secret_move(&lease->access_token, &outcome->access_token);
                lease->generation = time_max(lease->generation + 1, now / NSEC_PER_MSEC);
        }
        memcpy(lease->scope, outcome->scope, sizeof lease->scope);
        lease->life = life;
        lease->granted_at = now;
        lease->expires_at = expires_at;
        lease->floor_at = floor_at;
        lease->refresh_at = expires_at - time_min(lease->terms.refresh_ahead, life / 4) -
                            jitter(time_min(REFRESH_JITTER_MAX, life / 20), random);
        return true;
}

static void granted(struct lease *lease, uint64_t now) {
        if (lease->is_forced) {
                lease->forced_pause = next_forced_pause(lease, lease->started_at);
                lease->forced_until = time_add(now, lease->forced_pause);
                lease->is_forced = false;
        }
        lease->failures = 0;
        lease->denials = 0;
        lease->hold_until = 0;
        lease->retry_after_until = 0;
        lease->has_recovered = lease->is_failing;
        lease->is_failing = false;
        lease->failure = (struct failure){0};
        lease->renewals++;
        lease->state = LEASE_FRESH;
}

/* What is kept of a failure is what people read. */
static void remember_failure(struct lease *lease, const struct outcome *outcome, uint64_t now) {
        static const char was_over[] = "the token's life was over when it came";
        bool is_late = outcome->kind == OUTCOME_GRANTED;
        enum outcome_kind kind = is_late ? OUTCOME_FAILED : outcome->kind;
        bool again = lease->is_failing && lease->failure.kind == kind &&
                     lease->failure.status == outcome->status;

        lease->is_failing = true;
        lease->failure = (struct failure){
                .kind = kind,
                .times = again ? lease->failure.times + 1 : 1,
                .at = now,
                .status = outcome->status,
        };
        memcpy(lease->failure.error, outcome->error, sizeof lease->failure.error);
        memcpy(lease->failure.message, outcome->message, sizeof lease->failure.message);
        if (is_late)
                memcpy(lease->failure.message, was_over, sizeof was_over);
}

/* A blip must not use up the minute's budget: from the second retry on they are spread over it. */
static uint64_t retry_at(const struct lease *lease, uint64_t random, uint64_t now) {
        uint64_t at = time_add(now, backoff_delay(&lease->terms, lease->failures, random));

        if (lease->failures == 1)
                return at;
        return time_max(
                at, time_add(lease->started_at, NSEC_PER_MIN / lease->terms.requests_per_minute));
}

static void failed(struct lease *lease, const struct outcome *outcome, uint64_t random,
                   uint64_t now) {
        remember_failure(lease, outcome, now);
        switch (lease->failure.kind) {
        case OUTCOME_GRANTED:
        case OUTCOME_FAILED:
                lease->failures++;
                lease->hold_until = retry_at(lease, random, now);
                break;
        case OUTCOME_DENIED:
                lease->failures = 0;
                lease->hold_until = time_add(now, backoff_denied(&lease->terms, ++lease->denials));
                break;
        case OUTCOME_MISCONFIGURED:
                lease->failures = 0;
                lease->hold_until = time_add(now, lease->terms.misconfigured_pause);
                break;
        }
        if (outcome->retry_after > 0)
                lease->retry_after_until = time_add(
                        now, time_min(outcome->retry_after, RETRY_AFTER_MAX) * NSEC_PER_SEC);
        /* Whoever wanted it, a renewal that failed is tried again. */
        lease->refresh_at = time_min(lease->refresh_at, now);
        lease->state = lease->state == LEASE_RENEWING ? LEASE_FRESH : LEASE_EMPTY;
}

void lease_ended(struct lease *lease, struct outcome *outcome, uint64_t random, uint64_t now) {
        assert(lease_in_flight(lease));
        if (outcome->kind == OUTCOME_GRANTED && take_token(lease, outcome, random, now))
                granted(lease, now);
        else
                failed(lease, outcome, random, now);
        if (lease->refresh_wanted)
                lease_refresh(lease, now);
}

bool lease_expired(struct lease *lease, uint64_t now) {
        switch (lease->state) {
        case LEASE_EMPTY:
        case LEASE_FETCHING:
                return false;
        case LEASE_FRESH:
        case LEASE_RENEWING:
                if (now < lease->floor_at)
                        return false;
                break;
        }
        secret_deinit(&lease->access_token);
        lease_forget_renderings(lease);
        lease->state = lease->state == LEASE_FRESH ? LEASE_EMPTY : LEASE_FETCHING;
        return true;
}

void lease_refresh(struct lease *lease, uint64_t now) {
        if (lease_in_flight(lease)) {
                lease->refresh_wanted = true;
                return;
        }
        lease->refresh_wanted = false;
        lease->hold_until = 0;
        lease->failures = 0;
        lease->denials = 0;
        if (lease->state == LEASE_FRESH)
                lease->refresh_at = time_min(lease->refresh_at, now);
}
