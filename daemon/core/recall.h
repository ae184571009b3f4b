/* SPDX-License-Identifier: MIT */
/* recall - what an earlier life of the broker knew comes back: tokens, generations and budgets.
 *
 * For a broker that was never configured. Its first broker_configure() then finds things as if
 * another configuration had gone before. What makes no sense is refused: the memory is of no use,
 * and neither is this broker. */
#pragma once

#include "core/broker.h"

/* The token NAME. What counts of LEASE, whose token is consumed, is what is not lost by itself when
 * a process ends: the token and its times, the generation, Retry-After, the pause of forced
 * renewals. 0; -EINVAL: it makes no sense, or is there already; -ENOMEM. */
int recall_token(struct broker *broker, const char *name, const char *identity, const char *account,
                 struct lease *lease, uint64_t now);

/* What was sent for ACCOUNT, whose tokens, if it has any, came before. What was in flight counts as
 * sent just now. 0; -EINVAL; -ENOMEM. */
int recall_budget(struct broker *broker, const char *account, const struct budget *budget,
                  uint64_t now);
