/* SPDX-License-Identifier: MIT */
/* story - what the tests of core are told in: a clock that they turn, seconds, chance at its two
 * ends, and the ways in which an attempt ends. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timespan.h"
#include "core/outcome.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND          NSEC_PER_SEC
#define MINUTE          NSEC_PER_MIN

/* 64 random bits, all 0 or all 1: U(a, b) is then a or b. */
#define LEAST UINT64_C(0)
#define MOST  UINT64_MAX

/* Chance that is the same in every run (Vigna's splitmix64). */
static inline uint64_t chance(uint64_t *seed) {
        uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* The endpoint gives ACCESS_TOKEN for EXPIRES_IN seconds. */
static inline struct outcome granted(const char *access_token, uint64_t expires_in) {
        struct outcome outcome = {.kind = OUTCOME_GRANTED,
                                  .sent = true,
                                  .status = 200,
                                  .expires_in = expires_in,
                                  .scope = "read"};

        assert_int_equal(secret_set(&outcome.access_token, access_token, strlen(access_token)), 0);
        return outcome;
}

/* A passing failure: 429, 500, ... */
static inline struct outcome failed(int status) {
        return (struct outcome){.kind = OUTCOME_FAILED, .sent = true, .status = status};
}

/* The endpoint could not even be reached. */
static inline struct outcome not_sent(void) {
        return (struct outcome){.kind = OUTCOME_FAILED, .message = "could not connect"};
}

static inline struct outcome retry_after(uint64_t seconds) {
        struct outcome outcome = failed(429);

        outcome.retry_after = seconds;
        return outcome;
}

static inline struct outcome denied(void) {
        return (struct outcome){
                .kind = OUTCOME_DENIED, .sent = true, .status = 401, .error = "invalid_client"};
}

static inline struct outcome misconfigured(void) {
        return (struct outcome){.kind = OUTCOME_MISCONFIGURED, .message = "cannot read it"};
}
