/* SPDX-License-Identifier: MIT */
/* response - what the answers on all of bearerd's sockets have in common: a head before a body, and
 * errors in the shape of RFC 6749 5.2. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "wire/http1.h"

#define RESPONSE_JSON  "application/json"
#define RESPONSE_PLAIN "text/plain; charset=utf-8"

/* What the head of an answer depends on, but for the size of its body. */
struct response {
        int status;
        const char *content_type;
        uint64_t retry_after; /* seconds; 0: none */
        const char *allow;    /* methods, or NULL */
        enum http1_keep_alive keep_alive;
};

/* Puts the head before the body that stands in OUT from START on: it tells the body's size. So a
 * body is built where it belongs, and no token in a second buffer. */
void response_put_head(struct buffer *out, size_t start, const struct response *response);

#define API_DESCRIPTION_MAX 319

struct api_error {
        int status;
        const char *error; /* static */
        char description[API_DESCRIPTION_MAX + 1];
        uint64_t retry_after;       /* seconds; 0: none */
        int upstream_status;        /* 0: none */
        const char *upstream_error; /* NULL or "": none */
        const char *allow;          /* methods, with 405; or NULL */
};

/* Sets *RET_ERROR; -EBADMSG. */
int api_error_set(struct api_error *ret_error, int status, const char *error, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
void api_error_render(struct buffer *out, const struct api_error *error,
                      enum http1_keep_alive keep_alive);

/* As much of what a peer sent as a description repeats, harmless to read in a log or a terminal. */
#define EXCERPT_MAX  32
#define EXCERPT_SIZE (EXCERPT_MAX + sizeof "...")

const char *excerpt(struct slice text, char ret_text[EXCERPT_SIZE]);
