/* SPDX-License-Identifier: MIT */
/* metadata - what an authorization server says of itself: where that is, and which token endpoint
 * it names. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "wire/url.h"

#define METADATA_SIZE_MAX ((size_t)65536) /* bytes */

enum metadata_kind {
        METADATA_OPENID, /* OpenID Connect Discovery 1.0, 4 */
        METADATA_OAUTH,  /* RFC 8414 3 */
        METADATA_SMART,  /* SMART App Launch, of a FHIR server: .well-known/smart-configuration */
};

/* As they are written, by the values of the enum; a NULL ends them. */
extern const char *const metadata_kind_words[];

/* Whether TEXT can be an issuer (RFC 8414 2): an https URL without query; http for this host. */
bool metadata_is_issuer(struct slice text);

/* Where ISSUER, which can be one, says it. */
void metadata_url(struct buffer *out, enum metadata_kind kind, struct slice issuer);

/* The token endpoint that TEXT, of ISSUER, names; for a client that shows a certificate
 * (IS_TLS), the one for those (RFC 8705 5). NULL, with *ret_url and a NUL behind it; else what is
 * wrong, static. */
const char *metadata_read(struct slice text, enum metadata_kind kind, struct slice issuer,
                          bool is_tls, char ret_url[URL_SIZE_MAX + 1]);
