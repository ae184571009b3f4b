/* SPDX-License-Identifier: MIT */
#include "wire/events.h"
#include "base/decimal.h"
#include "wire/json.h"

void events_head_render(struct buffer *out) {
        buffer_append_text(out, "HTTP/1.1 200 OK\r\n"
                                "Cache-Control: no-store\r\n"
                                "Content-Type: " EVENTS_TYPE "\r\n"
                                "Connection: close\r\n"
                                "\r\n");
}

/* What is the same in all events, up to the last member. */
static void begin(struct buffer *out, struct json_writer *json, const char *kind,
                  const struct token_event *event) {
        buffer_append_text(out, "event: ");
        buffer_append_text(out, kind);
        buffer_append_text(out, "\ndata: ");
        json_begin(json, NULL, '{');
        json_string(json, "name", slice_of(event->name));
        json_integer(json, "generation", event->generation);
}

/* JSON has no line break in it, and so is one line of data. */
static void end(struct buffer *out, struct json_writer *json) {
        json_end(json, '}');
        buffer_append_text(out, "\n\n");
}

void event_token_render(struct buffer *out, const struct token_event *event) {
        struct json_writer json = {out};

        buffer_append_text(out, "id: ");
        decimal_render(out, event->generation);
        buffer_append_char(out, '\n');
        begin(out, &json, EVENT_TOKEN, event);
        json_integer(&json, "expires_at", event->expires_at);
        json_integer(&json, "expires_in", event->expires_in);
        end(out, &json);
}

void event_gone_render(struct buffer *out, const struct token_event *event) {
        struct json_writer json = {out};

        begin(out, &json, EVENT_GONE, event);
        end(out, &json);
}
