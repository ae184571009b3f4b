/* SPDX-License-Identifier: MIT */
/* shelf - the tokens that a thread keeps, so as not to ask for them again.
 *
 * Each thread has its own, and its own copy of each token: taking one down writes to no memory that
 * another thread reads, makes no system call, and takes no lock. So nothing here can be half done
 * when a thread forks, either. A copy is good while the epoch that it was given with is the one
 * that bearerd publishes, and until bearerd would not have handed it out any more. Ones that are no
 * longer good are let go when something is put on the shelf, and all of them when the thread ends.
 */
#pragma once

#include <stdint.h>

#include "client/token.h"

/* Tokens that a thread keeps at most. */
#define SHELF_ROOM 16u

/* A reference to what is kept for HANDLE by NAME (NULL: as the default one), or NULL. */
struct bearer_token *shelf_find(uint64_t handle, const char *name);

/* Keeps TOKEN, which is the caller's and nobody else's so far, as OFFER says it may be. What the
 * caller asked for was asked at ASKED_AT, a clock_now() time. It is not kept where that is not
 * possible. */
void shelf_put(uint64_t handle, const char *name, struct bearer_token *token,
               const struct token_offer *offer, uint64_t asked_at);

/* Keeps nothing of HANDLE any more, in this thread. */
void shelf_clear(uint64_t handle);
