/* SPDX-License-Identifier: MIT */
/* bearerctl_live - the status as a view on a terminal, renewed each second. */
#pragma once

#include "client/status.h"

/* Whether stdout is a terminal for it. */
bool live_is_possible(void);

/* Until q, Ctrl-C or a signal. Begins with STATUS, which it takes over. The exit status. */
int live_view(const struct ctl *ctl, struct status *status);
