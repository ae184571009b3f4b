/* SPDX-License-Identifier: MIT */
/* oauth - the client-credentials request (RFC 6749 4.4.2) and what a token endpoint answers.
 *
 * The only home of json-c. What grants a token is read strictly, what reports an error tolerantly:
 * endpoints, and the gateways before them, send errors in every shape. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/secret.h"
#include "base/slice.h"
#include "core/outcome.h"
#include "wire/config.h"

#define OAUTH_BODY_MAX ((size_t)65536) /* of an answer, in bytes */

/* The longest Retry-After that is told, in seconds: a day. */
#define OAUTH_RETRY_AFTER_MAX UINT64_C(86400)

/* "Basic " and the base64 of id and secret, RFC 6749 2.3.1, RFC 7617. 0; -EINVAL: an id with a
 * colon, which cannot be sent as it is (RFC 7617 2); -E2BIG; -ENOMEM. */
int oauth_basic(const struct secret *client_id, const struct secret *client_secret,
                enum config_basic_encoding encoding, struct secret *ret_value);

/* What is in the form of a request. An empty or missing value is not sent. */
struct oauth_form {
        enum grant_type grant;
        const char *scope;
        const char *audience;
        char *const *resources; /* RFC 8707 2; a NULL ends them */
        char *const *fields;    /* NAME=VALUE each, not encoded; a NULL ends them */
        const struct secret *client_id;
        const struct secret *client_secret; /* RFC 6749 2.3.1 */
        const struct secret *assertion;     /* RFC 7521 4.1, 4.2, by the grant */
};

void oauth_form(struct buffer *out, const struct oauth_form *form);

/* What a request was made with: for what there is to be checked, and for finding credentials in
 * what the endpoint says. */
struct oauth_asked {
        const char *url_key; /* the setting that the endpoint's URL is of */
        enum client_auth client_auth;
        uint64_t default_expires_in; /* seconds */
        const struct secret *secret; /* client_secret, or an assertion; may be empty */
        const struct secret *basic;  /* of oauth_basic(); may be empty */
        enum grant_type grant;
};

/* What an answer of the endpoint means: sets kind, status, error, message and the token's fields,
 * and nothing else. STATUS 100 to 599. BODY may be cut behind its first OAUTH_BODY_MAX + 1 bytes. A
 * text that repeats a credential is withheld, whole. 0, or -ENOMEM. */
int oauth_answer(int status, struct slice body, const struct oauth_asked *asked,
                 struct outcome *ret_outcome);

/* The value of Retry-After (RFC 9110 10.2.3), seconds or date, in seconds from NOW (Unix time), at
 * most OAUTH_RETRY_AFTER_MAX; 0: unreadable, or over. */
uint64_t oauth_retry_after(struct slice value, int64_t now);
