/* SPDX-License-Identifier: MIT */
/* bearerctl_token - a token, as bearerctl's commands get one: by bearer.h alone. */
#pragma once

#include "base/cleanup.h"
#include "bearer.h"
#include "client/bearerctl.h"

static inline void cleanup_bearer(struct bearer **bearer) {
        bearer_close(*bearer);
}

static inline void cleanup_token(struct bearer_token **token) {
        bearer_token_unref(*token);
}

#define _cleanup_bearer_ _cleanup_(cleanup_bearer)
#define _cleanup_token_  _cleanup_(cleanup_token)

/* Waits for a token as --wait says. 0; -errno or BEARER_E_*. */
int ctl_token_get(const struct ctl *ctl, struct bearer **ret_bearer,
                  struct bearer_token **ret_token);

/* Whether an operator, or time, may mend R of bearer_get() while somebody waits. */
bool ctl_token_may_come(const struct ctl *ctl, int r);
/* Waits for one until DEADLINE (clock_now(), or NEVER), and for bearerd, too. Why there is none is
 * said, once for each reason. 0; or the last reason, which is said: what waiting cannot mend comes
 * at once. */
int ctl_token_await(const struct ctl *ctl, struct bearer *bearer, uint64_t deadline,
                    struct bearer_token **ret_token);
