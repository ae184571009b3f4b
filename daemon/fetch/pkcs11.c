/* SPDX-License-Identifier: MIT */
/* Engines are deprecated in OpenSSL 3; Debian 12 has no provider for PKCS#11. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fetch/pkcs11.h"

/* Nobody is asked for a PIN. */
static int tell_nothing(UI *ui, UI_STRING *string) {
        return 0;
}

static EVP_PKEY *load(ENGINE *engine, const char *uri) {
        UI_METHOD *silent = UI_create_method("silent");
        EVP_PKEY *pkey = NULL;

        if (silent && UI_method_set_reader(silent, tell_nothing) == 0)
                pkey = ENGINE_load_private_key(engine, uri, silent, NULL);
        UI_destroy_method(silent);
        return pkey;
}

struct evp_pkey_st *pkcs11_open(const char *uri, const struct secret *pin, const char **ret_why) {
        ENGINE *engine = ENGINE_by_id(PKCS11_ENGINE);
        EVP_PKEY *pkey = NULL;

        *ret_why = "OpenSSL has no engine for it: install libengine-pkcs11-openssl";
        if (engine && ENGINE_init(engine) == 1) {
                *ret_why = "no token has such a key, or private_key_passphrase is not its PIN";
                if (pin->size == 0 || ENGINE_ctrl_cmd_string(engine, "PIN", pin->data, 0) == 1)
                        pkey = load(engine, uri);
        }
        ENGINE_free(engine);
        ERR_clear_error();
        return pkey;
}

EVP_PKEY *pkcs11_public(EVP_PKEY *pkey) {
        unsigned char *der = NULL;
        const unsigned char *at;
        int size = i2d_PUBKEY(pkey, &der);
        EVP_PKEY *public;

        at = der;
        public = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
        OPENSSL_free(der);
        return public;
}

/* clang-format off */
static const struct {
        const EVP_MD *(*digest)(void);
        size_t half; /* of a signature of EC, in bytes */
} ways[] = {
        [SIGNING_RS256] = {EVP_sha256, 0},
        [SIGNING_RS384] = {EVP_sha384, 0},
        [SIGNING_PS256] = {EVP_sha256, 0},
        [SIGNING_ES256] = {EVP_sha256, 32},
        [SIGNING_ES384] = {EVP_sha384, 48},
};
/* clang-format on */

/* DER, as OpenSSL has it, to two numbers one behind the other (RFC 7518 3.4). */
static size_t unpack(const unsigned char *der, size_t size, size_t half, unsigned char *ret_pair) {
        ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)size);
        bool is_good =
                pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_pair, (int)half) == (int)half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_pair + half, (int)half) == (int)half;

        ECDSA_SIG_free(pair);
        return is_good ? 2 * half : 0;
}

static bool begin(EVP_MD_CTX *context, EVP_PKEY *pkey, enum signing_algorithm algorithm) {
        EVP_PKEY_CTX *way = NULL;

        if (EVP_DigestSignInit(context, &way, ways[algorithm].digest(), NULL, pkey) != 1)
                return false;
        return algorithm != SIGNING_PS256 ||
               (EVP_PKEY_CTX_set_rsa_padding(way, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(way, RSA_PSS_SALTLEN_DIGEST) == 1);
}

size_t pkcs11_sign(EVP_PKEY *pkey, enum signing_algorithm algorithm, struct slice text,
                   unsigned char ret_signature[PKCS11_SIGNATURE_MAX]) {
        unsigned char signature[PKCS11_SIGNATURE_MAX];
        size_t half = ways[algorithm].half, size = sizeof signature;
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        bool is_good = context && begin(context, pkey, algorithm) &&
                       EVP_DigestSign(context, signature, &size, (const unsigned char *)text.data,
                                      text.size) == 1;

        EVP_MD_CTX_free(context);
        ERR_clear_error();
        if (!is_good)
                return 0;
        if (half > 0)
                return unpack(signature, size, half, ret_signature);
        memcpy(ret_signature, signature, size);
        return size;
}
