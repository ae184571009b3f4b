/* SPDX-License-Identifier: MIT */
/* supervisor - a command that is started anew with each new token: it read the one before once.
 *
 * Owns the process (client/child). Once a signal was passed on to it, it is not started again. */
#pragma once

#include "client/bearerctl.h"

struct bearer;
struct bearer_token;

/* RUN, in a process of its own, puts the token where CTL says and executes the command; what it
 * gives is an exit status. Begins with TOKEN, and goes on until the command ends by itself or after
 * a signal. 0 with its exit status, 128 and the number if a signal ended it; -errno. */
int supervise(const struct ctl *ctl, struct bearer *bearer, const struct bearer_token *token,
              int (*run)(const struct ctl *ctl, const struct bearer_token *token), int *ret_status);
