/* SPDX-License-Identifier: MIT */
/* certificate - what a client shows at the token endpoint (RFC 8705): whether it belongs to the
 * key, and how long it is good. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "fetch/key.h"

#define CERTIFICATE_DAY INT64_C(86400) /* seconds */
/* What is good for no longer than this is told of. */
#define CERTIFICATE_SOON (14 * CERTIFICATE_DAY)

/* 32 bytes, and a NUL. */
#define CERTIFICATE_THUMBPRINT_SIZE 44

/* Until when something is good, in Unix time. */
struct certificate_expiry {
        int64_t own;
        int64_t chain; /* of those behind it, all; 0: there are none */
};

/* TEXT is a certificate in PEM, and perhaps those behind it that it was signed with, which an
 * endpoint may do without: they are only read. NOW is Unix time. 0; -EBADMSG: *ret_why says what is
 * wrong and what to do, static; -ENOMEM. */
int certificate_check(struct slice text, const struct key *key, int64_t now,
                      struct certificate_expiry *ret_expiry, const char **ret_why);

/* The SHA-256 of the certificate in TEXT, which certificate_check() has found good, as base64url
 * with a NUL behind it (RFC 7515 4.1.8). 0; -EIO; -ENOMEM. */
int certificate_thumbprint(struct slice text, char ret_thumbprint[CERTIFICATE_THUMBPRINT_SIZE]);
