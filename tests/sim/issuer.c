/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/timespan.h"
#include "issuer.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum mood issuer_mood(struct issuer *issuer) {
        static const enum mood any[] = {MOOD_GOOD,    MOOD_GOOD,  MOOD_GOOD, MOOD_FAILING,
                                        MOOD_DENYING, MOOD_LOCAL, MOOD_DYING};

        if (issuer->mood != MOOD_ANY)
                return issuer->mood;
        return any[random_below(issuer->random, LENGTH(any))];
}

/* ---- tokens ---- */

static struct outcome grant(uint64_t number, uint64_t seconds, uint64_t sent_at) {
        struct outcome outcome = {
                .kind = OUTCOME_GRANTED,
                .sent = true,
                .sent_at = sent_at,
                .status = 200,
                .expires_in = seconds,
        };
        char text[64];
        int size = snprintf(text, sizeof text, ISSUER_CANARY "%llu", (unsigned long long)number);

        if (secret_set(&outcome.access_token, text, (size_t)size) < 0)
                abort();
        return outcome;
}

static uint64_t life_of_next(struct issuer *issuer) {
        if (!issuer->life_varies)
                return issuer->life;
        if (random_one_in(issuer->random, 50))
                return OUTCOME_EXPIRES_IN_MAX;
        return 1 + random_span(issuer->random, issuer->life);
}

static struct outcome grant_new(struct issuer *issuer, uint64_t sent_at, uint64_t now) {
        uint64_t life = life_of_next(issuer), number;

        if (issuer->has_one_token)
                issuer_revoke(issuer);
        number = ++issuer->n_given;
        issuer->expires_at[number % ISSUER_BOOKS] = now + life * NSEC_PER_SEC;
        issuer->revoked[number % ISSUER_BOOKS] = false;
        return grant(number, life, sent_at);
}

/* As a cache at the endpoint does it: what is left, in whole seconds. */
static struct outcome grant_again(struct issuer *issuer, uint64_t sent_at, uint64_t now) {
        uint64_t left = time_until(issuer_expiry(issuer, issuer->n_given), now) / NSEC_PER_SEC;

        if (issuer->n_given == 0 || left == 0 || issuer_is_revoked(issuer, issuer->n_given))
                return grant_new(issuer, sent_at, now);
        return grant(issuer->n_given, left, sent_at);
}

/* ---- refusals ---- */

/* Seconds, and dates: these are what is left by a wall clock that may be wrong by any amount. */
static uint64_t retry_after(const struct issuer *issuer) {
        static const uint64_t spans[] = {0, 0, 0, 1, 7, 59, 61, 600, 3600, 3601, 86400, UINT64_MAX};

        return issuer->is_curt ? 0 : spans[random_below(issuer->random, LENGTH(spans))];
}

static struct outcome refuse(const struct issuer *issuer, enum outcome_kind kind, int status,
                             const char *error, uint64_t sent_at) {
        struct outcome outcome = {.kind = kind, .sent = true, .sent_at = sent_at, .status = status};

        if (status >= 400)
                outcome.retry_after = retry_after(issuer);
        snprintf(outcome.error, sizeof outcome.error, "%s", error);
        outcome_explain(&outcome, "HTTP %d: %s", status, error);
        return outcome;
}

/* Every status that passes, no status at all, and a 200 that is no token. */
static struct outcome fail(struct issuer *issuer, uint64_t sent_at) {
        static const int few[] = {0, 200, 204, 408, 425, 429, 429, 500, 502, 503, 504};
        static const char *const errors[] = {"", "server_error", "slow_down",
                                             "temporarily_unavailable"};
        int status = few[random_below(issuer->random, LENGTH(few))];

        if (random_one_in(issuer->random, 4))
                status = (int)random_between(issuer->random, 500, 599);
        return refuse(issuer, OUTCOME_FAILED, status,
                      errors[random_below(issuer->random, LENGTH(errors))], sent_at);
}

/* Every status that will not pass; 0: the certificate is wrong. */
static struct outcome deny(struct issuer *issuer, uint64_t sent_at) {
        static const int few[] = {0, 302, 400, 401, 403};
        static const char *const errors[] = {
                "",         "access_denied", "invalid_client",      "invalid_grant",
                "redirect", "invalid_scope", "unauthorized_client", "unsupported_grant_type"};
        int status = few[random_below(issuer->random, LENGTH(few))];

        if (random_one_in(issuer->random, 4))
                status = (int)random_between(issuer->random, 300, 407);
        return refuse(issuer, OUTCOME_DENIED, status,
                      errors[random_below(issuer->random, LENGTH(errors))], sent_at);
}

static bool is_right(const struct issuer *issuer, unsigned secret) {
        return secret == issuer->secret || (issuer->takes_old_one && secret + 1 == issuer->secret);
}

struct outcome issuer_answer(struct issuer *issuer, enum mood mood, unsigned secret,
                             uint64_t sent_at, uint64_t now) {
        switch (mood) {
        case MOOD_GOOD:
        case MOOD_DYING:
                if (!is_right(issuer, secret))
                        return refuse(issuer, OUTCOME_DENIED, 401, "invalid_client", sent_at);
                return mood == MOOD_GOOD ? grant_new(issuer, sent_at, now)
                                         : grant_again(issuer, sent_at, now);
        case MOOD_FAILING:
                return fail(issuer, sent_at);
        case MOOD_DENYING:
                return deny(issuer, sent_at);
        case MOOD_LOCAL:
                return (struct outcome){.kind = OUTCOME_MISCONFIGURED,
                                        .message = "cannot read the client secret"};
        case MOOD_ANY:
                break;
        }
        abort();
}

/* ---- books ---- */

uint64_t issuer_expiry(const struct issuer *issuer, uint64_t number) {
        if (number == 0 || number + ISSUER_BOOKS <= issuer->n_given)
                return 0;
        return issuer->expires_at[number % ISSUER_BOOKS];
}

bool issuer_is_revoked(const struct issuer *issuer, uint64_t number) {
        return number > 0 && issuer->revoked[number % ISSUER_BOOKS];
}

void issuer_revoke(struct issuer *issuer) {
        issuer->revoked[issuer->n_given % ISSUER_BOOKS] = true;
}

uint64_t issuer_number(struct slice access_token) {
        static const size_t prefix = sizeof ISSUER_CANARY - 1;
        uint64_t number;

        if (access_token.size <= prefix || memcmp(access_token.data, ISSUER_CANARY, prefix) != 0 ||
            decimal_parse((struct slice){access_token.data + prefix, access_token.size - prefix},
                          UINT64_MAX, &number) < 0)
                return 0;
        return number;
}
