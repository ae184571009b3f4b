/* SPDX-License-Identifier: MIT */
/* backoff - how long to wait after failures in a row. Pure arithmetic; chance comes in as 64 random
 * bits. */
#pragma once

#include <stdint.h>

#include "core/terms.h"

/* A number from 0 to SPAN, both included, by RANDOM: U(0, span). */
uint64_t jitter(uint64_t span, uint64_t random);

/* After FAILURES (1 or more) passing failures in a row: first U(retry_min / 2, retry_min), then
 * full jitter, U(0, min(retry_max, retry_min * 2^(failures - 1))). */
uint64_t backoff_delay(const struct terms *terms, unsigned failures, uint64_t random);

/* After DENIALS (1 or more) refusals in a row: denied_min, doubling up to denied_max. */
uint64_t backoff_denied(const struct terms *terms, unsigned denials);
