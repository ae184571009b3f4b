/* SPDX-License-Identifier: MIT */
/* report - from what the broker knows to what operators read on the control socket. No token's
 * value goes through here. */
#pragma once

#include "base/buffer.h"
#include "core/broker.h"
#include "wire/control.h"

/* What is to be told besides the broker; tokens, their number and tally are filled in here. */
void report_status(struct buffer *out, const struct broker *broker,
                   const struct control_status *status, enum http1_keep_alive keep_alive,
                   uint64_t now);
void report_metrics(struct buffer *out, const struct broker *broker,
                    const struct control_status *status, enum openmetrics_format format,
                    enum http1_keep_alive keep_alive, uint64_t now);

/* Has TOKEN renewed; what becomes of that. */
struct control_refresh report_refresh(struct broker *broker, struct broker_token *token,
                                      uint64_t now);
/* There is no token NAME, or no configuration. */
void report_no_token(struct buffer *out, const struct broker *broker, const char *name,
                     enum http1_keep_alive keep_alive);
