/* SPDX-License-Identifier: MIT */
/* renewal - learns that a token is followed by a newer one.
 *
 * Owns a descriptor, and no token. It asks bearer_get() every 5 s,
 * oftener near the end of a short life: where bearerd publishes epochs, that is a look at memory.
 */
#pragma once

#include "base/cleanup.h"
#include "bearer.h"

struct renewal;

/* Of what is newer than TOKEN. BEARER, which outlives it, is asked. 0; -errno. */
int renewal_new(struct bearer *bearer, const struct bearer_token *token,
                struct renewal **ret_renewal);
struct renewal *renewal_free(struct renewal *renewal);
DEFINE_CLEANUP_FREE(renewal)

/* When this can be read (poll(2)), call renewal_take(). */
int renewal_fd(const struct renewal *renewal);

/* 0 with *RET_TOKEN, which is newer than all before and the caller's, or NULL: none yet; -errno or
 * BEARER_E_*: why that cannot be known just now. It goes on in all cases. */
int renewal_take(struct renewal *renewal, struct bearer_token **ret_token);
