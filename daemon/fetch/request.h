/* SPDX-License-Identifier: MIT */
/* request - one token request (RFC 6749 4.4.2): what is sent, and what the answer means. */
#pragma once

#include "core/outcome.h"
#include "fetch/credentials.h"
#include "fetch/proxy.h"
#include "wire/config.h"

/* Makes the request that TOKEN describes, within way_begin() and way_end(). URL_KEY is
 * the setting that its token_url is of. OUTCOME is of OUTCOME_INIT; every field of it is set,
 * whatever happens. */
void request_perform(const struct config_token *token, const struct credentials *credentials,
                     const struct proxy *proxy, const char *url_key, struct outcome *outcome);
