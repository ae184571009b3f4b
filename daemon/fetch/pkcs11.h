/* SPDX-License-Identifier: MIT */
/* pkcs11 - a private key that a token keeps for itself (a smart card, an HSM), by its URI (RFC
 * 7512), by OpenSSL's engine for that (libengine-pkcs11-openssl) and p11-kit. */
#pragma once

#include <stddef.h>

#include "base/secret.h"
#include "base/slice.h"
#include "wire/client_auth.h"

#define PKCS11_ENGINE        "pkcs11"
#define PKCS11_SIGNATURE_MAX ((size_t)1024) /* bytes, of RSA with 8192 bits */

struct evp_pkey_st; /* OpenSSL's */

/* The key at URI; PIN may be empty. NULL: *ret_why says what is wrong and what to do, static. The
 * token stays open, and the engine has the PIN, until the process ends: so has whoever else of it
 * opens the same key by PKCS11_ENGINE. */
struct evp_pkey_st *pkcs11_open(const char *uri, const struct secret *pin, const char **ret_why);

/* Its public half alone, the caller's; NULL: it has none. */
struct evp_pkey_st *pkcs11_public(struct evp_pkey_st *pkey);

/* TEXT signed by ALGORITHM, as a JWS has it (RFC 7518 3.3 to 3.5). Its size; 0: it cannot be
 * signed. */
size_t pkcs11_sign(struct evp_pkey_st *pkey, enum signing_algorithm algorithm, struct slice text,
                   unsigned char ret_signature[PKCS11_SIGNATURE_MAX]);
