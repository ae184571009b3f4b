/* SPDX-License-Identifier: MIT */
/* reply - what a request for a token gets. */
#pragma once

#include <stdint.h>

#include "core/lease.h"

struct broker_token;

enum reply_kind {
        REPLY_WAIT,         /* none yet: EFFECT_REPLY will bring it */
        REPLY_TOKEN,        /* 200 */
        REPLY_UNCONFIGURED, /* 503: there is no configuration that counts */
        REPLY_AMBIGUOUS,    /* 400: no name, and no default */
        REPLY_FORBIDDEN,    /* 403 */
        REPLY_UNKNOWN,      /* 404, to a peer that may have every token */
        REPLY_PAUSED,       /* 429 */
        REPLY_CROWDED,      /* 429: too many requests of this user wait already */
        REPLY_DENIED,       /* 502 */
        REPLY_UNAVAILABLE,  /* 503 */
        REPLY_TIMEOUT,      /* 504 */
};
#define N_REPLY_KINDS (REPLY_TIMEOUT + 1)

struct reply {
        enum reply_kind kind;
        struct broker_token *token; /* NULL where there is none, or none any more */
        enum hindrance hindrance;   /* PAUSED */
        uint64_t next;              /* PAUSED, CROWDED, UNAVAILABLE, TIMEOUT: when to try again */
        uint64_t waited;            /* for how long the request did, ns */
};
