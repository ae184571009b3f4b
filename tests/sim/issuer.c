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

static struct outcome grant(uint64_t number, uint64_t seconds, uint64_t sent_at) {
        struct outcome outcome = {
                .kind = OUTCOME_GRANTED,
                .sent = true,
                .sent_at = sent_at,
                .status = 200,
                .expires_in = seconds,
        };
        char text[32];
        int size = snprintf(text, sizeof text, "t%llu", (unsigned long long)number);

        if (secret_set(&outcome.access_token, text, (size_t)size) < 0)
                abort();
        return outcome;
}

static struct outcome grant_new(struct issuer *issuer, uint64_t sent_at, uint64_t now) {
        uint64_t life = issuer->life, number = ++issuer->n_given;

        if (issuer->life_varies)
                life = 1 + random_span(issuer->random, life);
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

static uint64_t retry_after(const struct issuer *issuer) {
        static const uint64_t spans[] = {0, 0, 0, 1, 7, 59, 61, 600, 3600, 3601, 86400};

        return issuer->is_curt ? 0 : spans[random_below(issuer->random, LENGTH(spans))];
}

static struct outcome refuse(const struct issuer *issuer, enum outcome_kind kind, int status,
                             uint64_t sent_at) {
        struct outcome outcome = {.kind = kind, .sent = true, .sent_at = sent_at, .status = status};

        if (status >= 400)
                outcome.retry_after = retry_after(issuer);
        return outcome;
}

struct outcome issuer_answer(struct issuer *issuer, enum mood mood, uint64_t sent_at,
                             uint64_t now) {
        static const int failures[] = {0, 200, 408, 429, 429, 500, 500, 502, 503, 504};
        static const int denials[] = {0, 302, 400, 401, 403};

        switch (mood) {
        case MOOD_GOOD:
                return grant_new(issuer, sent_at, now);
        case MOOD_DYING:
                return grant_again(issuer, sent_at, now);
        case MOOD_FAILING:
                return refuse(issuer, OUTCOME_FAILED,
                              failures[random_below(issuer->random, LENGTH(failures))], sent_at);
        case MOOD_DENYING:
                return refuse(issuer, OUTCOME_DENIED,
                              denials[random_below(issuer->random, LENGTH(denials))], sent_at);
        case MOOD_LOCAL:
                return (struct outcome){.kind = OUTCOME_MISCONFIGURED};
        case MOOD_ANY:
                break;
        }
        abort();
}

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
        uint64_t number;

        if (access_token.size < 2 || access_token.data[0] != 't' ||
            decimal_parse((struct slice){access_token.data + 1, access_token.size - 1}, UINT64_MAX,
                          &number) < 0)
                return 0;
        return number;
}
