/* SPDX-License-Identifier: MIT */
/* request - one token request (RFC 6749 4.4.2): what is sent, and what the answer means. */
#pragma once

#include "core/outcome.h"
#include "fetch/credentials.h"
#include "fetch/proxy.h"
#include "wire/config.h"

/* Makes the request that TOKEN describes. Every field of OUTCOME is set, whatever happens. */
void request_perform(const struct config_token *token, const struct credentials *credentials,
                     const struct proxy *proxy, struct outcome *ret_outcome);
