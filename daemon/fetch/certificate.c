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
#include "fetch/shortage.h"

/* A certificate is public: nobody is asked for a passphrase. */
static int tell_nothing(char *ret_text, int size, int is_writing, void *user) {
        return -1;
}

/* The next one. */
static X509 *read_next(BIO *bio) {
        return bio ? PEM_read_bio_X509(bio, NULL, tell_nothing, NULL) : NULL;
}

static X509 *read_first(struct slice text) {
        BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
        X509 *certificate = read_next(bio);

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

static const char *check_own(X509 *certificate, const struct key *key, int64_t now,
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

/* libcurl refuses what cannot be read here. */
static const char *check_chain(BIO *bio, int64_t *ret_expires) {
        int64_t expires = 0, each;
        X509 *certificate;
        bool is_good = true;

        while (is_good && (certificate = read_next(bio))) {
                is_good = time_of(X509_get0_notAfter(certificate), &each);
                X509_free(certificate);
                if (is_good && (expires == 0 || each < expires))
                        expires = each;
        }
        if (!is_good || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
                return "a certificate behind the first is damaged";
        *ret_expires = expires;
        return NULL;
}

int certificate_check(struct slice text, const struct key *key, int64_t now,
                      struct certificate_expiry *ret_expiry, const char **ret_why) {
        struct certificate_expiry expiry = {0};
        X509 *certificate;
        const char *why;
        BIO *bio;

        shortage_begin();
        bio = BIO_new_mem_buf(text.data, (int)text.size);
        certificate = read_next(bio);
        why = check_own(certificate, key, now, &expiry.own);
        if (!why)
                why = check_chain(bio, &expiry.chain);
        X509_free(certificate);
        BIO_free(bio);
        ERR_clear_error();
        if (why) {
                *ret_why = why;
                return shortage_or(-EBADMSG);
        }
        *ret_expiry = expiry;
        return 0;
}

int certificate_thumbprint(struct slice text, char ret_thumbprint[CERTIFICATE_THUMBPRINT_SIZE]) {
        unsigned char hash[EVP_MAX_MD_SIZE], base64[4 * EVP_MAX_MD_SIZE];
        unsigned size = 0;
        X509 *certificate;
        bool is_good;

        shortage_begin();
        certificate = read_first(text);
        is_good = certificate && X509_digest(certificate, EVP_sha256(), hash, &size) == 1;
        X509_free(certificate);
        ERR_clear_error();
        if (!is_good)
                return shortage_or(-EIO);
        EVP_EncodeBlock(base64, hash, (int)size);
        for (size_t i = 0; i < CERTIFICATE_THUMBPRINT_SIZE - 1; i++)
                ret_thumbprint[i] = base64[i] == '+'   ? '-'
                                    : base64[i] == '/' ? '_'
                                                       : (char)base64[i];
        ret_thumbprint[CERTIFICATE_THUMBPRINT_SIZE - 1] = 0; /* where a "=" was */
        return 0;
}
