/* SPDX-License-Identifier: MIT */
/* transfer - one request and its answer, as far as it has come, by the way that fetch/way sets.
 *
 * One deadline is over everything. What curl and OpenSSL copy of a secret they do not wipe: the
 * exit of the process does. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/buffer.h"
#include "core/outcome.h"
#include "fetch/proxy.h"
#include "wire/config.h"

/* Of an answer: all lines with all bytes of its header, and of interim answers before it; and its
 * body, in bytes. */
#define TRANSFER_HEADER_MAX       ((size_t)65536)
#define TRANSFER_HEADER_LINES_MAX ((size_t)200)
#define TRANSFER_BODY_MAX         ((size_t)65536)

struct transfer {
        CURL *curl;
        const struct config_token *token;
        bool shows_certificate; /* of the client */
        const char *url_key;    /* the setting that the URL is of */
        struct curl_slist *headers;
        struct buffer body; /* room for one byte more than is taken, so that its reader sees it */
        size_t header_size, header_lines;
        uint64_t sent_at;     /* CLOCK_BOOTTIME in ns; 0: nothing was sent */
        uint64_t retry_after; /* seconds */
        CURLcode code;
        const char *why; /* it was given up here; NULL: see error */
        char error[CURL_ERROR_SIZE];
};

/* A GET of token_url by the way that TOKEN has, which outlives it; between way_begin() and
 * way_end(). False: libcurl refuses it, or memory is short; to be destroyed all the same. */
bool transfer_init(struct transfer *transfer, const struct config_token *token,
                   const struct proxy *proxy, const char *url_key);
void transfer_deinit(struct transfer *transfer);

/* Adds NAME, with its colon and space, and VALUE, wiped at the end. False: memory is short. */
bool transfer_add_header(struct transfer *transfer, const char *name, const char *value);

/* > 0: the status of the answer, 200 to 599; 0: none came; -EIO: libcurl refuses a setting. */
int transfer_perform(struct transfer *transfer);
/* Why none came: sets kind and message. */
void transfer_explain(const struct transfer *transfer, struct outcome *outcome);
