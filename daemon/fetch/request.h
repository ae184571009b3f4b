/* SPDX-License-Identifier: MIT */
/* request - one token request over HTTPS, by libcurl; its only home.
 *
 * Verification is always on; no redirect, cookie, netrc or environment proxy ever enters; one
 * deadline is over everything. What curl and OpenSSL copy of the secret they do not wipe: the exit
 * of the process does, so that it makes one request and ends. */
#pragma once

#include "core/outcome.h"
#include "fetch/credentials.h"
#include "wire/config.h"

/* Of an answer: all lines with all bytes of its header, and of interim answers before it. */
#define REQUEST_HEADER_MAX       ((size_t)65536)
#define REQUEST_HEADER_LINES_MAX ((size_t)200)

/* Makes the request that TOKEN describes. Every field of OUTCOME is set, whatever happens. */
void request_perform(const struct config_token *token, const struct credentials *credentials,
                     struct outcome *ret_outcome);
