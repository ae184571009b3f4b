/* SPDX-License-Identifier: MIT */
/* credentials - what a client authenticates with for one request, made of what the configuration
 * refers to.
 *
 * Owns it for the one request that a bearerd-fetch makes. No message ever holds one, nor a part of
 * one: only where it was looked for. */
#pragma once

#include <stdbool.h>

#include "base/secret.h"
#include "core/outcome.h"
#include "fetch/certificate.h"
#include "wire/config.h"

/* What is not of the way in use is empty. */
struct credentials {
        struct secret client_id;
        struct secret client_secret;
        struct secret basic;       /* the value of the Authorization header, made of both */
        struct secret assertion;   /* signed, a JWT in compact form */
        struct secret certificate; /* PEM */
        struct secret private_key; /* of the certificate: PEM, not encrypted; "": a token's */
        struct certificate_expiry expiry; /* 0: there is no certificate */
};

#define CREDENTIALS_INIT ((struct credentials){0})

void credentials_deinit(struct credentials *credentials);

/* Reads what the settings of TOKEN refer to (fetch/reference), as its client_auth says; for
 * client_id anything that is no reference is the id itself. 0; -EINVAL: OUTCOME is
 * OUTCOME_MISCONFIGURED and says what, where, and what to do; -ENOMEM, -EMFILE,
 * -ENFILE. */
int credentials_load(const struct config_token *token, struct credentials *ret_credentials,
                     struct outcome *outcome);

#define CREDENTIALS_WARNING_SIZE 160
/* What is to be done soon, lest they fail one night; false: nothing. */
bool credentials_warning(const struct credentials *credentials,
                         char ret_text[CREDENTIALS_WARNING_SIZE]);

/* What is in the form of the request, lent by both. */
struct oauth_form credentials_form(const struct config_token *token,
                                   const struct credentials *credentials);
