/* SPDX-License-Identifier: MIT */
/* answer - from what the broker decided to what the worker reads: the one place where a token meets
 * the bytes of a response. */
#pragma once

#include "base/buffer.h"
#include "core/broker.h"
#include "wire/api.h"

/* Until when a worker may keep what it is given. */
struct answer_epochs {
        const char *file; /* where they are published; NULL: nowhere */
        const struct epochs *epochs;
};

/* The whole answer, or the error of a buffer that could not take it: written to OUT, or kept with
 * the token, as it was written before in this second, and good until the token or its epoch
 * changes. */
const struct buffer *answer_reply(struct buffer *out, const struct reply *reply,
                                  const struct answer_epochs *epochs, enum api_format format,
                                  enum http1_keep_alive keep_alive, uint64_t now);

/* An event: NEWS, of the two that tell of TOKEN. */
void answer_news(struct buffer *out, const struct broker_token *token, enum news news,
                 uint64_t now);

/* What a refusal is called in the answer: "access_denied". */
const char *answer_error(enum reply_kind kind);

/* What is told of TOKEN without its value. */
struct api_token_status answer_token_status(const struct broker *broker,
                                            const struct broker_token *token, uint64_t now);

/* GET /v1/tokens: what PEER may have, without the values. */
void answer_tokens(struct buffer *out, const struct broker *broker, const struct peer *peer,
                   enum http1_keep_alive keep_alive, uint64_t now);
