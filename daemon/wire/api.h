/* SPDX-License-Identifier: MIT */
/* api - what may be asked of bearerd on its socket, and how answers look (docs/protocol.md).
 *
 * From an HTTP request to values, and from values to the bytes of a response. Bodies have the
 * shapes of RFC 6749 5.1 and 5.2. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "core/name.h"
#include "wire/http1.h"
#include "wire/json.h"
#include "wire/response.h"

#define API_WAIT_DEFAULT 20 /* seconds */
#define API_WAIT_MAX     60
/* Bytes of one answer with a token, head and all; a list may take more. */
#define API_ANSWER_MAX ((size_t)32768)

enum api_route {
        API_TOKEN,  /* one token */
        API_TOKENS, /* what there is, without the values */
        API_EVENTS, /* one token's generations, as they come */
};

enum api_format {
        API_JSON,
        API_PLAIN,  /* the bare token and a newline */
        API_HEADER, /* "Authorization: Bearer ..." and a newline */
};
#define N_API_FORMATS (API_HEADER + 1u)

struct api_request {
        enum api_route route;
        char name[TOKEN_NAME_MAX + 1]; /* "": the default one */
        bool name_is_hint;             /* a client_id: the default one if no token is called so */
        enum api_format format;
        uint64_t after;     /* generation; 0: none */
        uint64_t min_valid; /* seconds; 0: none */
        unsigned wait;      /* seconds */
};

/* 0; -EBADMSG: *ret_error has the answer. */
int api_request_parse(const struct http1_request *http, struct api_request *ret_request,
                      struct api_error *ret_error);

struct api_token {
        const char *name;
        struct slice access_token; /* b64token, RFC 6750 2.1: written as it is */
        uint64_t expires_in;       /* seconds */
        uint64_t expires_at;       /* Unix time, seconds */
        uint64_t served_for;       /* seconds; it is not handed out any more after that */
        uint64_t generation;
        const char *scope;       /* "": not said by the endpoint */
        const char *practice_id; /* "": none */
        const char *epoch_file;  /* wire/epoch; NULL: none */
        uint32_t epoch_slot;
        uint64_t epoch; /* 0: it is not to be kept */
};

/* One line of GET /v1/tokens. Times are seconds from now; UINT64_MAX: there is none. */
struct api_token_status {
        const char *name;
        bool is_default;
        bool valid;
        uint64_t generation;     /* 0: no token yet */
        uint64_t expires_in;     /* 0 unless valid */
        uint64_t expires_at;     /* Unix time; 0 unless valid */
        uint64_t served_for;     /* until it is no longer handed out */
        bool fetching;           /* a request to the endpoint is under way */
        uint64_t next_attempt;   /* until the next one */
        const char *scope;       /* as granted, or "" */
        const char *practice_id; /* or "" */
        uint64_t waiting;        /* requests that wait for it */
        uint64_t streams;        /* of its events */
        uint64_t renewals;       /* successful ones, since bearerd started */
        uint64_t failures;       /* in a row, up to now */
        const char *last_error;  /* one of "", "failed", "denied", "misconfigured" */
        uint64_t last_error_age; /* seconds since then */
        int upstream_status;
        const char *upstream_error;
        const char *message; /* what went wrong last, in words, or "" */
        uint64_t lifetime;   /* from its request to its expiry; 0 unless valid */
};

void api_token_render(struct buffer *out, const struct api_token *token, enum api_format format,
                      enum http1_keep_alive keep_alive);
void api_tokens_render(struct buffer *out, const struct api_token_status *tokens, size_t n,
                       enum http1_keep_alive keep_alive);

/* Writes the members of one line of GET /v1/tokens. */
void api_status_write(struct json_writer *json, const struct api_token_status *token);
