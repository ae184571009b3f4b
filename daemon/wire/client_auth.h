/* SPDX-License-Identifier: MIT */
/* client_auth - the ways in which a client authenticates at the token endpoint, and asks there, and
 * which settings each of them takes. One way is in use for a request, the one that is written: none
 * is guessed. */
#pragma once

#include <stdbool.h>

enum client_auth {
        CLIENT_AUTH_BASIC,           /* RFC 6749 2.3.1, id and secret in the header */
        CLIENT_AUTH_POST,            /* RFC 6749 2.3.1, in the form */
        CLIENT_AUTH_PRIVATE_KEY_JWT, /* RFC 7523 2.2: an assertion that the client signs */
        CLIENT_AUTH_TLS,             /* RFC 8705 2.1: a certificate of a CA that is known there */
        CLIENT_AUTH_SELF_SIGNED_TLS, /* RFC 8705 2.2: a certificate that is known there itself */
        CLIENT_AUTH_NONE,            /* RFC 6749 2.1: a public client, by its id alone */
};

/* What the client asks for a token with. */
enum grant_type {
        GRANT_CLIENT_CREDENTIALS, /* RFC 6749 4.4 */
        GRANT_JWT_BEARER, /* RFC 7523 2.1: an assertion, which says who the client is as well */
};

/* How an assertion is signed, RFC 7518 3.1. */
enum signing_algorithm {
        SIGNING_RS256,
        SIGNING_RS384,
        SIGNING_PS256,
        SIGNING_ES256,
        SIGNING_ES384,
};

#define SIGNING_ALGORITHM_WORDS "RS256, RS384, PS256, ES256 or ES384"

/* As they are written, by the values of the enums; a NULL ends them. */
extern const char *const client_auth_words[];
extern const char *const grant_type_words[];
extern const char *const signing_algorithm_words[];

/* False: WORD is none of signing_algorithm_words. */
bool signing_algorithm_find(const char *word, enum signing_algorithm *ret_algorithm);

/* Whether there can be a setting KEY, and whether there must be one. */
bool client_auth_takes(enum client_auth auth, enum grant_type grant, const char *key);
bool client_auth_needs(enum client_auth auth, enum grant_type grant, const char *key);

/* Whether the client shows a certificate. */
static inline bool client_auth_is_tls(enum client_auth auth) {
        return auth == CLIENT_AUTH_TLS || auth == CLIENT_AUTH_SELF_SIGNED_TLS;
}
