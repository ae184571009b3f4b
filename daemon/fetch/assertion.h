/* SPDX-License-Identifier: MIT */
/* assertion - what a client says of itself, signed (RFC 7521 4.2, RFC 7523 2.2): fresh for each
 * request, and good for a short time. */
#pragma once

#include "base/secret.h"
#include "fetch/key.h"
#include "wire/config.h"

/* 0; -EIO: the key cannot sign; -E2BIG: it is too long to be sent; -ENOMEM. */
int assertion_make(const struct config_token *token, const struct secret *client_id,
                   const struct key *key, struct secret *ret_assertion);
