/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "io/exchange.h"

struct exchange *exchange_new(size_t in_max, size_t out_max) {
        struct exchange *exchange = calloc(1, sizeof *exchange);

        if (!exchange)
                return NULL;
        exchange->in = BUFFER_INIT(in_max);
        exchange->out = BUFFER_INIT(out_max);
        return exchange;
}

struct exchange *exchange_free(struct exchange *exchange) {
        if (!exchange)
                return NULL;
        buffer_deinit(&exchange->in);
        buffer_deinit(&exchange->out);
        free(exchange);
        return NULL;
}

void exchange_clear(struct exchange *exchange, struct quota_user *user) {
        buffer_deinit(&exchange->in);
        buffer_deinit(&exchange->out);
        quota_give(user, QUOTA_READING, exchange->in_taken);
        quota_give(user, QUOTA_WRITING, exchange->out_taken);
        exchange->in_taken = exchange->out_taken = 0;
        exchange->deadline = 0;
}

bool exchange_pay(struct exchange *exchange, struct quota_user *user) {
        struct buffer *in = &exchange->in, *out = &exchange->out;

        if (in->size == 0 && in->capacity > 0)
                buffer_deinit(in);
        if (out->size == 0 && out->capacity > 0)
                buffer_deinit(out);
        if (exchange->in_taken == in->capacity && exchange->out_taken == out->capacity)
                return true;
        return quota_retake(user, QUOTA_READING, &exchange->in_taken, in->capacity) &&
               quota_retake(user, QUOTA_WRITING, &exchange->out_taken, out->capacity);
}
