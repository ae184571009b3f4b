/* SPDX-License-Identifier: MIT */
/* assertion - what a client says of itself (RFC 7523 2.2), or asks with (2.1), signed: fresh for
 * each request, and good for a short time. */
#pragma once

#include "base/secret.h"
#include "base/slice.h"
#include "fetch/key.h"
#include "wire/config.h"

/* THUMBPRINT may be empty: that of a certificate of the key. 0; -EIO: the key cannot sign; -E2BIG:
 * it is too long to be sent; -EAGAIN: the kernel has no random numbers; -ENOMEM. */
int assertion_make(const struct config_token *token, const struct secret *client_id,
                   const struct key *key, struct slice thumbprint, struct secret *ret_assertion);
