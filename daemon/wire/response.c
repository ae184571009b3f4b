/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/json.h"
#include "wire/response.h"

void response_put_head(struct buffer *out, size_t start, const struct response *response) {
        size_t body_size = out->size - start, head_size;
        char head[512];

        http1_head_render(out, response->status, response->content_type, body_size,
                          response->retry_after, response->allow, response->keep_alive);
        if (buffer_error(out) < 0)
                return;
        head_size = out->size - start - body_size;
        assert(head_size <= sizeof head);
        memcpy(head, out->data + start + body_size, head_size);
        memmove(out->data + start + head_size, out->data + start, body_size);
        memcpy(out->data + start, head, head_size);
}

const char *excerpt(struct slice text, char ret_text[EXCERPT_SIZE]) {
        size_t size = text.size < EXCERPT_MAX ? text.size : EXCERPT_MAX;

        for (size_t i = 0; i < size; i++) {
                char c = text.data[i];

                ret_text[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
        }
        strcpy(ret_text + size, size < text.size ? "..." : "");
        return ret_text;
}

int api_error_set(struct api_error *ret_error, int status, const char *error, const char *format,
                  ...) {
        va_list arguments;

        *ret_error = (struct api_error){.status = status, .error = error};
        va_start(arguments, format);
        vsnprintf(ret_error->description, sizeof ret_error->description, format, arguments);
        va_end(arguments);
        return -EBADMSG;
}

/* RFC 6749 5.2, and what the endpoint said. */
void api_error_render(struct buffer *out, const struct api_error *error,
                      enum http1_keep_alive keep_alive) {
        struct json_writer json = {out};
        size_t start = out->size;

        json_begin(&json, NULL, '{');
        json_string(&json, "error", slice_of(error->error));
        json_string(&json, "error_description", slice_of(error->description));
        if (error->upstream_status)
                json_integer(&json, "upstream_status", (uint64_t)error->upstream_status);
        if (error->upstream_error && error->upstream_error[0])
                json_string(&json, "upstream_error", slice_of(error->upstream_error));
        json_end(&json, '}');
        response_put_head(out, start,
                          &(struct response){error->status, RESPONSE_JSON, error->retry_after,
                                             error->allow, keep_alive});
}
