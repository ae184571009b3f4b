/* SPDX-License-Identifier: MIT */
/* token - what bearerd answered: one access token and what belongs to it.
 *
 * Owns the access token, wiped with the last reference. Immutable. bearer.h has the accessors. */
#pragma once

#include <stdint.h>

#include "base/slice.h"
#include "bearer.h"

/* Reads the body of a 200 (RFC 6749 5.1, docs/protocol.md) that came at RECEIVED_AT, a clock_now()
 * time. Believes nothing: types, ranges and alphabets are checked. 0; -EBADMSG; -ENOMEM. */
int token_parse(struct slice body, uint64_t received_at, struct bearer_token **ret_token);
