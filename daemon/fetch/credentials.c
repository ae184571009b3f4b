/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "fetch/assertion.h"
#include "fetch/credentials.h"
#include "fetch/key.h"
#include "fetch/reference.h"
#include "wire/oauth.h"
#include "wire/value.h"

/* One token's credentials on their way. */
struct loader {
        const struct config_token *token;
        struct credentials credentials;
        struct outcome *outcome;
};

void credentials_deinit(struct credentials *credentials) {
        secret_deinit(&credentials->client_id);
        secret_deinit(&credentials->client_secret);
        secret_deinit(&credentials->basic);
        secret_deinit(&credentials->assertion);
        secret_deinit(&credentials->certificate);
        secret_deinit(&credentials->private_key);
}

static struct reference client_id_of(const struct loader *loader) {
        return (struct reference){"client_id", loader->token->client_id, .may_be_literal = true,
                                  .outcome = loader->outcome};
}

static struct reference private_key_of(const struct loader *loader) {
        return (struct reference){"private_key", loader->token->private_key, .is_document = true,
                                  .outcome = loader->outcome};
}

static int load_secret(struct loader *loader) {
        struct reference secret = {"client_secret", loader->token->client_secret,
                                   .outcome = loader->outcome};

        return reference_load(&secret, &loader->credentials.client_secret);
}

static int load_basic(struct loader *loader) {
        struct reference client_id = client_id_of(loader);
        struct credentials *credentials = &loader->credentials;
        int r = load_secret(loader);

        if (r < 0)
                return r;
        r = oauth_basic(&credentials->client_id, &credentials->client_secret,
                        loader->token->basic_encoding, &credentials->basic);
        if (r == -EINVAL)
                return reference_refuse(&client_id,
                                        "it has a colon, which basic_encoding = raw cannot send");
        if (r == -E2BIG)
                return reference_refuse(&client_id, "it and client_secret are too long to be sent");
        return r;
}

static int open_key(const struct reference *reference, struct slice text,
                    const struct secret *passphrase, struct key **ret_key) {
        const char *why;
        int r = key_read(text, passphrase, ret_key, &why);

        return r == -EBADMSG ? reference_refuse(reference, "%s", why) : r;
}

static int open_token(const struct reference *reference, const struct secret *pin,
                      struct key **ret_key) {
        const char *why;
        int r = key_open(reference->value, pin, ret_key, &why);

        return r == -EBADMSG ? reference_refuse(reference, "%s", why) : r;
}

static int load_key(const struct loader *loader, struct key **ret_key) {
        struct reference private_key = private_key_of(loader);
        struct reference phrase = {"private_key_passphrase", loader->token->private_key_passphrase,
                                   .outcome = loader->outcome};
        bool is_uri = value_is_pkcs11(slice_of(private_key.value));
        struct secret text = SECRET_INIT, passphrase = SECRET_INIT;
        int r = is_uri ? 0 : reference_load(&private_key, &text);

        if (r == 0 && *phrase.value)
                r = reference_load(&phrase, &passphrase);
        if (r == 0)
                r = is_uri ? open_token(&private_key, &passphrase, ret_key)
                           : open_key(&private_key, secret_slice(&text), &passphrase, ret_key);
        secret_deinit(&text);
        secret_deinit(&passphrase);
        return r;
}

/* What OpenSSL or José cannot do with a key that they have read. */
static int refuse_unfit(const struct loader *loader, const struct key *key) {
        struct reference private_key = private_key_of(loader);

        if (key_is_hidden(key))
                return reference_refuse(&private_key,
                                        "its token does not sign with it: see whether the token is "
                                        "there, and what it lets the key do");
        return reference_refuse(&private_key, "it cannot be used: its numbers do not belong "
                                              "together, make a new one");
}

static int take_certificate(struct loader *loader, const struct key *key) {
        struct credentials *credentials = &loader->credentials;
        struct reference certificate = {"client_certificate", loader->token->client_certificate,
                                        .is_document = true, .is_public = true,
                                        .outcome = loader->outcome};
        const char *why;
        int r = reference_load(&certificate, &credentials->certificate);

        if (r < 0)
                return r;
        r = certificate_check(secret_slice(&credentials->certificate), key, (int64_t)time(NULL),
                              &credentials->expiry, &why);
        return r == -EBADMSG ? reference_refuse(&certificate, "%s", why) : r;
}

/* Of a certificate, if there is one, an assertion has the thumbprint; it is not shown, and so what
 * is behind it does not count. */
static int take_thumbprint(struct loader *loader, const struct key *key, char *ret_thumbprint) {
        struct secret *certificate = &loader->credentials.certificate;
        int r;

        ret_thumbprint[0] = 0;
        if (!*loader->token->client_certificate)
                return 0;
        r = take_certificate(loader, key);
        if (r == 0)
                r = certificate_thumbprint(secret_slice(certificate), ret_thumbprint);
        secret_deinit(certificate);
        loader->credentials.expiry.chain = 0;
        return r;
}

static int load_assertion(struct loader *loader) {
        _cleanup_(cleanup_key) struct key *key = NULL;
        struct reference private_key = private_key_of(loader);
        char thumbprint[CERTIFICATE_THUMBPRINT_SIZE];
        const char *misfit;
        int r = load_key(loader, &key);

        if (r < 0)
                return r;
        misfit = key_misfit(key, loader->token->signing_algorithm);
        if (misfit)
                return reference_refuse(&private_key, "it does not fit signing_algorithm: %s",
                                        misfit);
        r = take_thumbprint(loader, key, thumbprint);
        if (r == 0)
                r = assertion_make(loader->token, &loader->credentials.client_id, key,
                                   slice_of(thumbprint), &loader->credentials.assertion);
        if (r == -E2BIG)
                return reference_refuse(&private_key, "what is signed is too long to be sent");
        if (r == -EAGAIN)
                outcome_explain(loader->outcome, "the kernel has no random numbers (getrandom(2)): "
                                                 "it is tried again");
        return r == -EIO ? refuse_unfit(loader, key) : r;
}

static int load_certificate(struct loader *loader) {
        _cleanup_(cleanup_key) struct key *key = NULL;
        int r = load_key(loader, &key);

        if (r == 0)
                r = take_certificate(loader, key);
        if (r == 0)
                r = key_try(key);
        if (r == 0 && !key_is_hidden(key))
                r = key_write(key, &loader->credentials.private_key);
        return r == -EIO ? refuse_unfit(loader, key) : r;
}

static int load_by_way(struct loader *loader) {
        if (loader->token->grant == GRANT_JWT_BEARER)
                return load_assertion(loader);
        switch (loader->token->client_auth) {
        case CLIENT_AUTH_BASIC:
                return load_basic(loader);
        case CLIENT_AUTH_POST:
                return load_secret(loader);
        case CLIENT_AUTH_PRIVATE_KEY_JWT:
                return load_assertion(loader);
        case CLIENT_AUTH_TLS:
        case CLIENT_AUTH_SELF_SIGNED_TLS:
                return load_certificate(loader);
        case CLIENT_AUTH_NONE:
                break;
        }
        return 0;
}

int credentials_load(const struct config_token *token, struct credentials *ret_credentials,
                     struct outcome *outcome) {
        struct loader loader = {.token = token, .outcome = outcome};
        struct reference client_id = client_id_of(&loader);
        int r = reference_load(&client_id, &loader.credentials.client_id);

        if (r == 0)
                r = load_by_way(&loader);
        if (r < 0) {
                credentials_deinit(&loader.credentials);
                return r;
        }
        *ret_credentials = loader.credentials; /* consumed */
        return 0;
}

/* Until when what is good for two weeks at most is; 0: for longer, or there is none. */
static int64_t soon(int64_t expires, int64_t now) {
        return expires - now > CERTIFICATE_SOON ? 0 : expires;
}

bool credentials_warning(const struct credentials *credentials,
                         char ret_text[CREDENTIALS_WARNING_SIZE]) {
        int64_t now = (int64_t)time(NULL), own = soon(credentials->expiry.own, now),
                chain = soon(credentials->expiry.chain, now);

        if (own > 0)
                snprintf(ret_text, CREDENTIALS_WARNING_SIZE,
                         "client_certificate expires in %d days: have a new one issued, and put it "
                         "there",
                         (int)((own - now) / CERTIFICATE_DAY));
        else if (chain > now)
                snprintf(ret_text, CREDENTIALS_WARNING_SIZE,
                         "a certificate behind the first in client_certificate expires in %d days: "
                         "put its successor there",
                         (int)((chain - now) / CERTIFICATE_DAY));
        else if (chain > 0)
                snprintf(
                        ret_text, CREDENTIALS_WARNING_SIZE,
                        "a certificate behind the first in client_certificate has expired: put its "
                        "successor there");
        return own > 0 || chain > 0;
}

/* Basic has the id in its header; an assertion has it as its subject (RFC 7521 4.2), but some
 * endpoints want it besides. */
static bool sends_client_id(const struct config_token *token) {
        if (token->client_auth == CLIENT_AUTH_PRIVATE_KEY_JWT)
                return token->assertion_client_id;
        if (token->grant == GRANT_JWT_BEARER)
                return false;
        return token->client_auth != CLIENT_AUTH_BASIC;
}

struct oauth_form credentials_form(const struct config_token *token,
                                   const struct credentials *credentials) {
        bool is_post = token->client_auth == CLIENT_AUTH_POST;

        return (struct oauth_form){
                .grant = token->grant,
                .scope = token->grant == GRANT_JWT_BEARER ? "" : token->scope, /* it is signed */
                .audience = token->audience,
                .resources = token->resource.words,
                .fields = token->form.words,
                .client_id = sends_client_id(token) ? &credentials->client_id : NULL,
                .client_secret = is_post ? &credentials->client_secret : NULL,
                .assertion = &credentials->assertion,
        };
}
