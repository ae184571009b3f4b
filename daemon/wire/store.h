/* SPDX-License-Identifier: MIT */
/* store - what a broker knows, as text, for its next life: one JSON object a line, tokens first,
 * then the accounts with what was sent for them.
 *
 * Written and read by the same program, one life after the other, and checked all the same. */
#pragma once

#include "base/buffer.h"
#include "base/slice.h"
#include "core/broker.h"
#include "wire/config.h"

/* One token with its URL, client, scope and value at full length; one account with as many times as
 * a budget remembers; both with room for escapes. */
#define STORE_TOKEN_MAX   ((size_t)32768)
#define STORE_ACCOUNT_MAX ((size_t)20480)
/* The text, in bytes. */
#define STORE_TEXT_MAX (CONFIG_TOKENS_MAX * (STORE_TOKEN_MAX + STORE_ACCOUNT_MAX))

void store_render(struct buffer *out, const struct broker *broker);

/* BROKER was never configured. 0; -EBADMSG: TEXT makes no sense; -ENOMEM. After an error, BROKER is
 * good for broker_deinit() alone. */
int store_parse(struct slice text, struct broker *broker, uint64_t now);
