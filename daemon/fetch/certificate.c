/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fetch/certificate.h"

/* A certificate is public: nobody is asked for a passphrase. */
static int tell_nothing(char *ret_text, int size, int is_writing, void *user) {
        return -1;
}

/* The first one. */
static X509 *read_pem(struct slice text) {
        BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
        X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, tell_nothing, NULL) : NULL;

        BIO_free(bio);
        return certificate;
}

static bool time_of(const ASN1_TIME *time, int64_t *ret_seconds) {
        struct tm tm;

        if (ASN1_TIME_to_tm(time, &tm) != 1)
                return false;
        *ret_seconds = (int64_t)timegm(&tm);
        return true;
}

static const char *check(X509 *certificate, const struct key *key, int64_t now,
                         int64_t *ret_expires) {
        int64_t begins, expires;

        if (!certificate)
                return "it is no certificate in PEM";
        if (X509_check_private_key(certificate, key_native(key)) != 1)
                return "it is of another key than private_key (its own must be the first in the "
                       "file)";
        if (!time_of(X509_get0_notBefore(certificate), &begins) ||
            !time_of(X509_get0_notAfter(certificate), &expires))
                return "it does not say until when it is good";
        if (begins > now)
                return "it is not good yet: look at its dates, and at this host's clock";
        if (expires <= now)
                return "it has expired: put a new one there";
        *ret_expires = expires;
        return NULL;
}

int certificate_check(struct slice text, const struct key *key, int64_t now, int64_t *ret_expires,
                      const char **ret_why) {
        X509 *certificate = read_pem(text);
        const char *why = check(certificate, key, now, ret_expires);

        X509_free(certificate);
        ERR_clear_error();
        if (!why)
                return 0;
        *ret_why = why;
        return -EBADMSG;
}

int certificate_thumbprint(struct slice text, char ret_thumbprint[CERTIFICATE_THUMBPRINT_SIZE]) {
        unsigned char hash[EVP_MAX_MD_SIZE], base64[4 * EVP_MAX_MD_SIZE];
        X509 *certificate = read_pem(text);
        unsigned size = 0;
        bool is_good = certificate && X509_digest(certificate, EVP_sha256(), hash, &size) == 1;

        X509_free(certificate);
        ERR_clear_error();
        if (!is_good)
                return -EIO;
        EVP_EncodeBlock(base64, hash, (int)size);
        for (size_t i = 0; i < CERTIFICATE_THUMBPRINT_SIZE - 1; i++)
                ret_thumbprint[i] = base64[i] == '+'   ? '-'
                                    : base64[i] == '/' ? '_'
                                                       : (char)base64[i];
        ret_thumbprint[CERTIFICATE_THUMBPRINT_SIZE - 1] = 0; /* where a "=" was */
        return 0;
}
