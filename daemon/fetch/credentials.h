/* SPDX-License-Identifier: MIT */
/* credentials - the client id and secret of one token, from where the configuration says they are.
 *
 * Owns them for the one request that a bearerd-fetch makes. No message ever holds one, nor a part
 * of one: only where it was looked for. */
#pragma once

#include "base/secret.h"
#include "core/outcome.h"
#include "wire/config.h"

/* The longest client id or secret, in bytes. */
#define CREDENTIAL_MAX ((size_t)4096)

struct credentials {
        struct secret client_id;
        struct secret client_secret;
        struct secret basic; /* the value of the Authorization header, made of both */
};

#define CREDENTIALS_INIT ((struct credentials){0})

void credentials_deinit(struct credentials *credentials);

/* Reads what client_id and client_secret of TOKEN refer to: credential:NAME is a file of the
 * directory that systemd made for the unit ($CREDENTIALS_DIRECTORY), env:NAME a variable,
 * file:/path a file of root or of this user that nobody else may read; for client_id anything else
 * is the id itself. One newline at the end does not count. 0; -EINVAL: OUTCOME is
 * OUTCOME_MISCONFIGURED and says what, where, and what to do; -ENOMEM, -EMFILE,
 * -ENFILE. */
int credentials_load(const struct config_token *token, struct credentials *ret_credentials,
                     struct outcome *outcome);
