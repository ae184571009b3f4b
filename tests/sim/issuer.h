/* SPDX-License-Identifier: MIT */
/* issuer - the token endpoint of the simulation: what it answers depends on its mood, and it keeps
 * books on every token that it has given. */
#pragma once

#include "core/outcome.h"
#include "random.h"

/* Tokens whose fate is remembered; older ones are long dead. */
#define ISSUER_BOOKS 4096

/* What every token begins with, and nothing else has in it. */
#define ISSUER_CANARY "kanarienvogel."

/* What an endpoint is like for a while. */
enum mood {
        MOOD_GOOD,
        MOOD_FAILING, /* 408, 429, 5xx, no answer, a 200 that is no token */
        MOOD_DENYING, /* other 4xx, 3xx, a certificate that does not verify */
        MOOD_LOCAL, /* bearerd-fetch cannot read its configuration or a credential: none is sent */
        MOOD_DYING, /* the same token again and again, with the life that it has left */
        MOOD_ANY,   /* one of these, request by request */
};

struct issuer {
        struct random *random;
        enum mood mood;
        uint64_t life;      /* of new tokens, seconds */
        bool life_varies;   /* from 1 s to that, and now and then ten years */
        bool is_curt;       /* it never says Retry-After */
        bool has_one_token; /* a new one revokes the one before */
        unsigned secret;    /* which client secret is right */
        bool takes_old_one; /* and the one before it, too */
        uint64_t n_given;   /* tokens; each has its number, from 1 */
        uint64_t expires_at[ISSUER_BOOKS];
        bool revoked[ISSUER_BOOKS];
};

/* What the next request meets: its mood, and never MOOD_ANY. */
enum mood issuer_mood(struct issuer *issuer);

/* A request with client secret SECRET that was sent at SENT_AT arrives at NOW, and meets MOOD: how
 * bearerd-fetch tells the answer. */
struct outcome issuer_answer(struct issuer *issuer, enum mood mood, unsigned secret,
                             uint64_t sent_at, uint64_t now);

/* Of token NUMBER. */
uint64_t issuer_expiry(const struct issuer *issuer, uint64_t number);
bool issuer_is_revoked(const struct issuer *issuer, uint64_t number);
/* The last one that was given is good no longer. */
void issuer_revoke(struct issuer *issuer);

/* The number of a token by its text; 0: it is none of ours. */
uint64_t issuer_number(struct slice access_token);
