/* SPDX-License-Identifier: MIT */
/* http1 - a strict subset of HTTP/1.1 (RFC 9112), bytes to values and back, for both sides.
 *
 * Strict about framing: no chunked request, no folded header, no bare LF or CR, no NUL, no second
 * Content-Length, hard limits. Indifferent to what does not matter: any Host, an empty one or none,
 * names of headers in any case. Slices in a result point into the bytes that were parsed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/slice.h"

#define HTTP1_HEAD_MAX   ((size_t)8192) /* first line and headers, with the empty line */
#define HTTP1_BODY_MAX   ((size_t)8192) /* of a request */
#define HTTP1_FIELDS_MAX ((size_t)64)
#define HTTP1_ANSWER_MAX ((size_t)1 << 23) /* body of a response: the metrics of 1024 tokens */

/* What an answer says of its connection (RFC 9112 9.3): HTTP/1.0 has to be told that it is kept. */
enum http1_keep_alive {
        HTTP1_CLOSED = 0,
        HTTP1_KEPT,
        HTTP1_KEPT_AND_TOLD,
};
#define N_HTTP1_KEEP_ALIVE (HTTP1_KEPT_AND_TOLD + 1u)

struct http1_request {
        struct slice method;
        struct slice path;  /* undecoded, begins with "/" */
        struct slice query; /* behind the "?", undecoded; empty if none */
        struct slice accept;
        struct slice authorization;
        struct slice content_type;
        struct slice last_event_id; /* without data: none */
        struct slice body;
        /* HTTP/1.1 unless "Connection: close"; HTTP/1.0 if "keep-alive" */
        enum http1_keep_alive keep_alive;
        int minor; /* HTTP/1.minor: 0 or 1 */
        /* No body, no credentials, no authority, no header but those that are known here. */
        bool is_plain;
        struct slice bytes; /* all of it */
};

/* Looks at what has come in on a connection. > 0: the size of the first request, which is in
 * *ret_request; 0: more must come; -EBADMSG: what came is no request that is served here, *ret_why
 * (a static string) says why, and the connection can only be closed. */
ssize_t http1_request_parse(struct slice data, struct http1_request *ret_request,
                            const char **ret_why);

/* The media type in a value of Content-Type, or in one element of Accept: without parameters. */
struct slice http1_media_type(struct slice value);

/* Writes a request without a body. ACCEPT may be NULL. */
void http1_request_render(struct buffer *out, const char *method, const char *target,
                          const char *accept);

/* Writes status line and headers, among them Cache-Control: no-store, Content-Length and, as
 * KEEP_ALIVE wants it, Connection. RETRY_AFTER in seconds; 0: no such header. ALLOW may be NULL. */
void http1_head_render(struct buffer *out, int status, const char *content_type,
                       size_t content_length, uint64_t retry_after, const char *allow,
                       enum http1_keep_alive keep_alive);

struct http1_response {
        int status;
        bool keep_alive;
        uint64_t retry_after; /* seconds; 0: none */
        struct slice content_type;
        struct slice body;
        bool is_endless; /* of http1_stream_parse() alone */
};

/* As http1_request_parse(), for the client's side: responses with a Content-Length, as bearerd
 * gives them, of at most HTTP1_ANSWER_MAX. > 0: size of the whole response; 0: more must come;
 * -EBADMSG: no such response. */
ssize_t http1_response_parse(struct slice data, struct http1_response *ret_response);
/* The same, and one without a Content-Length is_endless: its body is what follows, until the end of
 * the connection. > 0: then the size of its head. */
ssize_t http1_stream_parse(struct slice data, struct http1_response *ret_response);
