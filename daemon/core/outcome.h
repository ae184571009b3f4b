/* SPDX-License-Identifier: MIT */
/* outcome - how one token request ended: what bearerd-fetch tells, and what a lease goes on from.
 *
 * Owns the token in it. Its texts are printable ASCII without quotes or backslashes, hold nothing
 * secret, and end in a NUL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/slice.h"

#define OUTCOME_ERROR_MAX   63
#define OUTCOME_MESSAGE_MAX 255
#define OUTCOME_SCOPE_MAX   1023

/* How the message begins if no bearerd-fetch could be started; what was to be, follows. */
#define OUTCOME_UNSTARTED "cannot start "

/* The longest life of a token that is believed, in seconds: about ten years. */
#define OUTCOME_EXPIRES_IN_MAX UINT64_C(315360000)

enum outcome_kind {
        OUTCOME_FAILED,  /* passing: network, timeout, 408, 429, 5xx, a 200 that is no token */
        OUTCOME_GRANTED, /* a token */
        OUTCOME_DENIED,  /* the endpoint refuses; trying harder cannot help */
        OUTCOME_MISCONFIGURED, /* configuration or credential unreadable; nothing was sent */
};
#define N_OUTCOME_KINDS (OUTCOME_MISCONFIGURED + 1)

struct outcome {
        enum outcome_kind kind;
        bool sent;            /* the request, or part of it, was sent: it counts in the budget */
        uint64_t sent_at;     /* when, CLOCK_BOOTTIME in ns; 0: not known */
        int status;           /* HTTP status; 0: none came */
        uint64_t retry_after; /* seconds; 0: none was asked for */
        char error[OUTCOME_ERROR_MAX + 1];     /* the endpoint's code: "invalid_client"; or "" */
        char message[OUTCOME_MESSAGE_MAX + 1]; /* for the operator; or "" */

        /* OUTCOME_GRANTED alone: */
        struct secret access_token;
        uint64_t expires_in;               /* seconds, from 1 to OUTCOME_EXPIRES_IN_MAX */
        char scope[OUTCOME_SCOPE_MAX + 1]; /* as granted, RFC 6749 3.3; "": not said */
};

#define OUTCOME_INIT ((struct outcome){0})

static inline void outcome_deinit(struct outcome *outcome) {
        secret_deinit(&outcome->access_token);
}

/* Copies TEXT as far as it fits, as an outcome's texts are: what is no printable ASCII becomes '?'
 * (one for a UTF-8 character), white space a space, a double quote a single one, a backslash a
 * slash. A text that was cut ends in "...". */
void outcome_text(char *ret_text, size_t size, struct slice text);

/* Sets the message, by outcome_text(). */
void outcome_explain(struct outcome *outcome, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
