/* SPDX-License-Identifier: MIT */
/* probe - a look at the endpoint of one token, for 'bearerctl doctor': DNS, TCP, TLS, clock.
 *
 * It makes a HEAD request without any credential, as a browser might: no token is asked for, and
 * what is refused by status is an answer like any other. Where a certificate does not verify, it
 * connects once more without verification to name the certificate, and sends nothing. Without a
 * token_url it looks at the issuer, at its document. */
#pragma once

#include "base/buffer.h"

/* Appends what was found as one line of JSON: {"checks":[{"check":"dns","result":"ok" (or "wrong",
 * "skipped"),"message":"...","mend":"..."},...]}. After what is wrong there is no more. FILE as of
 * config_file_choose(). */
void probe_make(const char *file, const char *name, struct buffer *out);
