/* SPDX-License-Identifier: MIT */
/* fetchline - the line between bearerd and bearerd-fetch.
 *
 * bearerd sends a token's name and a newline, nothing else; bearerd-fetch answers with an outcome
 * as one line of JSON, and hangs up. The newline ends the answer. With "probe " before the name,
 * which bearerctl doctor sends, no token is asked for: the answer is what a look at the endpoint
 * has found. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "core/name.h"
#include "core/outcome.h"

/* One line with its newline, in bytes: a token of full length and the texts, escaped. */
#define FETCHLINE_MAX   ((size_t)32768)

#define FETCHLINE_PROBE "probe "

struct fetchline_request {
        bool is_probe;
        char name[TOKEN_NAME_MAX + 1];
};

/* The longest one, with its newline. */
#define FETCHLINE_REQUEST_MAX (sizeof FETCHLINE_PROBE - 1 + TOKEN_NAME_MAX + 1)

void fetchline_request_render(struct buffer *out, const struct fetchline_request *request);
/* LINE without its newline. 0, or -EBADMSG. */
int fetchline_request_parse(struct slice line, struct fetchline_request *ret_request);

/* With the newline. */
void fetchline_render(struct buffer *out, const struct outcome *outcome);
/* LINE without its newline. As strict as if bearerd-fetch had been taken over: every field checked
 * for type, range and alphabet (a token is RFC 6750's b64token). 0, -EBADMSG or -ENOMEM. */
int fetchline_parse(struct slice line, struct outcome *ret_outcome);
