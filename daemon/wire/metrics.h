/* SPDX-License-Identifier: MIT */
/* metrics - bearerd's metrics: what each is called, and what it says (docs/operating.md).
 *
 * Names and units are those of the conventions of Prometheus: base units, _total for what only
 * rises. A label is the name of a token, or one of a few words that are written here. */
#pragma once

#include "base/buffer.h"
#include "wire/control.h"
#include "wire/openmetrics.h"

/* The answer to GET /metrics. */
void metrics_render(struct buffer *out, const struct control_status *status,
                    enum openmetrics_format format, enum http1_keep_alive keep_alive);
