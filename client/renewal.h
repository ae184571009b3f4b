/* SPDX-License-Identifier: MIT */
/* renewal - learns that a token is followed by a newer one, and gets it.
 *
 * Owns a watch (client/watch), which tells of it, and a timer for asking again where bearer_get()
 * fails after that; an epoll instance of both is the descriptor. Owns no token. Never blocks for
 * longer than bearer_get() does where bearerd is restarting. */
#pragma once

#include "base/cleanup.h"
#include "bearer.h"

struct renewal;

/* Of what is newer than TOKEN, which is of bearerd at SOCKET (address_resolve()). BEARER, which is
 * of the same and outlives it, is asked. 0; -errno. */
int renewal_new(const char *socket, struct bearer *bearer, const struct bearer_token *token,
                struct renewal **ret_renewal);
struct renewal *renewal_free(struct renewal *renewal);
DEFINE_CLEANUP_FREE(renewal)

/* When this can be read (poll(2)), call renewal_take(). */
int renewal_fd(const struct renewal *renewal);

/* 0 with *RET_TOKEN, which is the caller's, and newer than all before or the first after there was
 * none; or NULL: none yet. -errno or BEARER_E_*: why there is none, or why that cannot be known
 * just now; it stays so until it is over. It goes on in all cases. */
int renewal_take(struct renewal *renewal, struct bearer_token **ret_token);
