/* SPDX-License-Identifier: MIT */
/* asked - a request as it comes in on a socket, through the codec. */
#pragma once

#include "base/buffer.h"
#include "wire/http1.h"

/* "METHOD TARGET", and TAIL: further headers, the empty line and the body. *RET_HTTP points into
 * DATA, which is the caller's. */
static void asked(struct buffer *data, const char *first, const char *tail,
                  struct http1_request *ret_http) {
        const char *why;

        buffer_append_text(data, first);
        buffer_append_text(data, " HTTP/1.1\r\nHost: localhost\r\n");
        buffer_append_text(data, tail);
        assert_int_equal(http1_request_parse(buffer_slice(data), ret_http, &why), data->size);
}
