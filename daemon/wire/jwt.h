/* SPDX-License-Identifier: MIT */
/* jwt - an assertion (RFC 7523 3) before it is signed: header and claims, as JSON. The clock and
 * chance are the caller's. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

#define JWT_ID_SIZE ((size_t)16) /* bytes of chance in a "jti" */

struct jwt {
        const char *algorithm;   /* RFC 7518 3.1 */
        struct slice key_id;     /* empty: none */
        struct slice thumbprint; /* of a certificate, RFC 7515 4.1.8; empty: none */
        struct slice issuer;
        struct slice subject; /* empty: none */
        struct slice scope;   /* empty: none */
        struct slice audience;
        uint64_t issued;               /* Unix time */
        uint64_t lifetime;             /* seconds */
        unsigned char id[JWT_ID_SIZE]; /* never the same twice */
};

void jwt_header(struct buffer *out, const struct jwt *jwt);
void jwt_claims(struct buffer *out, const struct jwt *jwt);
