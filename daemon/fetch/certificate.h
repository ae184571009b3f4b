/* SPDX-License-Identifier: MIT */
/* certificate - what a client shows at the token endpoint (RFC 8705): whether it belongs to the
 * key, and how long it is good. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "fetch/key.h"

/* What is good for no longer than this is told of, in seconds. */
#define CERTIFICATE_SOON (INT64_C(14) * 86400)

/* 32 bytes, and a NUL. */
#define CERTIFICATE_THUMBPRINT_SIZE 44

/* TEXT is a certificate in PEM, and perhaps those behind it that it was signed with. NOW and
 * *ret_expires are Unix times. 0; -EBADMSG: *ret_why says what is wrong and what to do, static. */
int certificate_check(struct slice text, const struct key *key, int64_t now, int64_t *ret_expires,
                      const char **ret_why);

/* The SHA-256 of the certificate in TEXT, which certificate_check() has found good, as base64url
 * with a NUL behind it (RFC 7515 4.1.8). 0; -EIO. */
int certificate_thumbprint(struct slice text, char ret_thumbprint[CERTIFICATE_THUMBPRINT_SIZE]);
