/* SPDX-License-Identifier: MIT */
/* reference - where a credential is: credential:NAME is a file of the directory that systemd made
 * for the unit ($CREDENTIALS_DIRECTORY), env:NAME a variable, file:/path a file of root or of this
 * user that nobody else may read.
 *
 * No message ever holds what is there, nor a part of it: only where it was looked for. */
#pragma once

#include <stdbool.h>

#include "base/secret.h"
#include "core/outcome.h"

/* The longest of one line (an id, a secret, a passphrase), and the longest document (a key, a
 * certificate with those that it stands on), in bytes. */
#define REFERENCE_LINE_MAX     ((size_t)4096)
#define REFERENCE_DOCUMENT_MAX SECRET_SIZE_MAX

/* One setting that refers to a credential. */
struct reference {
        const char *key;     /* "client_secret" */
        const char *value;   /* "file:/path", of the configuration; no secret */
        bool may_be_literal; /* anything else is the value itself */
        bool is_document;    /* of any number of lines */
        bool is_public;      /* others may read its file */
        struct outcome *outcome;
};

/* Makes OUTCOME one of OUTCOME_MISCONFIGURED that names the setting, and where it leads. -EINVAL */
int reference_refuse(const struct reference *reference, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Of a line one newline at the end does not count. 0; -EINVAL: OUTCOME says what, where, and what
 * to do; -ENOMEM, -EMFILE, -ENFILE. */
int reference_load(const struct reference *reference, struct secret *ret_secret);
