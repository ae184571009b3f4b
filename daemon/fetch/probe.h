/* SPDX-License-Identifier: MIT */
/* probe - a look at what one token is asked for with, and at its endpoint, for 'bearerctl doctor':
 * credentials, DNS, TCP, TLS, clock.
 *
 * It makes a HEAD request, as a browser might: no token is asked for, no credential is sent or
 * shown, and what is refused by status is an answer like any other. Where a certificate does not
 * verify, it connects once more without verification to name the certificate, and sends nothing.
 * Without a token_url it looks at the issuer, at its document. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* Appends what was found as one line of JSON: {"checks":[{"check":"dns","result":"ok" (or
 * "warning", "wrong", "skipped"),"message":"...","mend":"..."},...]}. After what is wrong there is
 * no more. FILE as of config_file_choose(). IS_SERVICE: what cannot be read here no request could
 * read. */
void probe_make(const char *file, const char *name, bool is_service, struct buffer *out);
