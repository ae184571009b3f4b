/* SPDX-License-Identifier: MIT */
/* events - what who follows a token reads: a stream of events (WHATWG HTML, 9.2 "Server-sent
 * events"), each of which is whole in one piece of text. No token's value is in any. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

#define EVENTS_TYPE "text/event-stream"
/* What it is called that there is a token, and that there is none any more. */
#define EVENT_TOKEN "token"
#define EVENT_GONE  "gone"

struct token_event {
        const char *name;
        uint64_t generation;
        uint64_t expires_at; /* Unix time, seconds */
        uint64_t expires_in; /* seconds */
};

/* The answer's head. There is no Content-Length: the events end with the connection. */
void events_head_render(struct buffer *out);

/* There is a token of another generation. Its id is that: who comes back sends it along. */
void event_token_render(struct buffer *out, const struct token_event *event);
/* There is none any more; NAME and GENERATION alone are told. */
void event_gone_render(struct buffer *out, const struct token_event *event);
