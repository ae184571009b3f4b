/* SPDX-License-Identifier: MIT */
/* key - a client's private key, and what is signed with it; by OpenSSL and José, which live here.
 *
 * Owns the key. What OpenSSL, José and jansson copy of it they do not all wipe: the exit of the
 * process does. No reason that is given holds a part of a key. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "base/slice.h"
#include "wire/client_auth.h"

struct evp_pkey_st; /* OpenSSL's */
struct key;

struct key *key_free(struct key *key);
DEFINE_CLEANUP_FREE(key)

/* TEXT is a private key, RSA of 2048 to 8192 bits or EC on P-256 or P-384: in PEM (PKCS#8,
 * encrypted or not, PKCS#1, SEC1), or a JWK (RFC 7517). PASSPHRASE may be empty. 0; -EBADMSG:
 * *ret_why says what is wrong and what to do, static; -ENOMEM. */
int key_read(struct slice text, const struct secret *passphrase, struct key **ret_key,
             const char **ret_why);

/* The same for a key that a token keeps for itself, by its URI; PIN may be empty. */
int key_open(const char *uri, const struct secret *pin, struct key **ret_key, const char **ret_why);

/* The "kid" of a JWK, or "". */
const char *key_id(const struct key *key);
/* What keeps it from signing with ALGORITHM, static; NULL: nothing does. */
const char *key_misfit(const struct key *key, enum signing_algorithm algorithm);
struct evp_pkey_st *key_native(const struct key *key);
/* Whether a token keeps it for itself: it signs, and cannot be written. */
bool key_is_hidden(const struct key *key);

/* A JWS in compact form (RFC 7515 7.1) of two texts of JSON, by an ALGORITHM that it fits, and that
 * the header names. What was signed is verified. 0; -EIO: it cannot be signed; -ENOMEM; -E2BIG. */
int key_sign(const struct key *key, enum signing_algorithm algorithm, struct slice header,
             struct slice payload, struct secret *ret_jws);
/* Signs something, for whoever has it sign elsewhere (TLS). As key_sign(). */
int key_try(const struct key *key);
/* The key in PEM, PKCS#8, not encrypted: for libcurl. 0; -EIO; -ENOMEM; -E2BIG. */
int key_write(const struct key *key, struct secret *ret_pem);

/* A new key for ALGORITHM, whose id is its thumbprint (RFC 7638): the private JWK, and the set with
 * the public one that is to be registered (RFC 7517 5). 0; -EIO; -ENOMEM. */
int key_generate(enum signing_algorithm algorithm, struct secret *ret_private,
                 struct secret *ret_public_set);
