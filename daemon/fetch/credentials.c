/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "fetch/credentials.h"
#include "wire/oauth.h"

#define PATH_SIZE 4096

/* One setting that refers to a credential. */
struct reference {
        const char *key;   /* "client_secret" */
        const char *value; /* "file:/path", of the configuration; no secret */
        struct outcome *outcome;
};

static int refuse(const struct reference *reference, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static int refuse(const struct reference *reference, const char *format, ...) {
        char why[OUTCOME_MESSAGE_MAX + 1];
        va_list arguments;

        va_start(arguments, format);
        if (vsnprintf(why, sizeof why, format, arguments) < 0)
                why[0] = 0;
        va_end(arguments);
        reference->outcome->kind = OUTCOME_MISCONFIGURED;
        outcome_explain(reference->outcome, "%s (%.100s): %s", reference->key, reference->value,
                        why);
        return -EINVAL;
}

void credentials_deinit(struct credentials *credentials) {
        secret_deinit(&credentials->client_id);
        secret_deinit(&credentials->client_secret);
        secret_deinit(&credentials->basic);
}

/* What is behind PREFIX in TEXT, or NULL. */
static const char *behind(const char *text, const char *prefix) {
        size_t size = strlen(prefix);

        return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

static struct slice without_newline(struct slice text) {
        if (text.size > 0 && text.data[text.size - 1] == '\n') {
                text.size--;
                if (text.size > 0 && text.data[text.size - 1] == '\r')
                        text.size--;
        }
        return text;
}

static bool has_control_characters(struct slice text) {
        for (size_t i = 0; i < text.size; i++)
                if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
                        return true;
        return false;
}

static int take(const struct reference *reference, struct slice text, struct secret *ret_secret) {
        text = without_newline(text);
        if (text.size == 0)
                return refuse(reference, "it is empty");
        if (text.size > CREDENTIAL_MAX)
                return refuse(reference, "it is longer than %zu bytes", CREDENTIAL_MAX);
        if (has_control_characters(text))
                return refuse(reference,
                              "it has control characters or more than one line, and must "
                              "be the bare value");
        return secret_set(ret_secret, text.data, text.size);
}

/* The two bytes more are for the newline. */
static int take_file(const struct reference *reference, const char *path, bool must_be_private,
                     struct secret *ret_secret) {
        struct buffer content;
        struct stat status;
        int r;

        r = file_read(path, CREDENTIAL_MAX + 2, &content, &status);
        if (r == -EFBIG)
                return refuse(reference, "it is longer than %zu bytes", CREDENTIAL_MAX);
        if (file_is_short(r))
                return r;
        if (r < 0)
                return refuse(reference, "cannot be read: %s", file_error(r));
        if (must_be_private && (status.st_mode & 077) != 0)
                r = refuse(reference, "its mode %04o lets others than its owner use it: chmod 600",
                           status.st_mode & 07777);
        else if (must_be_private && status.st_uid != 0 && status.st_uid != geteuid())
                r = refuse(reference, "it belongs to uid %u, and must to root or to uid %u",
                           status.st_uid, geteuid());
        else
                r = take(reference, buffer_slice(&content), ret_secret);
        buffer_deinit(&content);
        return r;
}

/* systemd made the file for this unit alone: its mode says nothing. */
static int take_credential(const struct reference *reference, const char *name,
                           struct secret *ret_secret) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        char path[PATH_SIZE];
        int length;

        if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return refuse(reference, "'%s' is no name of a credential", name);
        if (!directory)
                return refuse(reference,
                              "there is no $CREDENTIALS_DIRECTORY: credential:NAME is for systemd "
                              "units, elsewhere use env:NAME or file:/path");
        length = snprintf(path, sizeof path, "%s/%s", directory, name);
        if (length < 0 || (size_t)length >= sizeof path)
                return refuse(reference, "its path is too long");
        if (access(path, F_OK) < 0 && errno == ENOENT)
                return refuse(reference,
                              "it is not there: put it into /etc/credstore, and add "
                              "LoadCredential=%s to bearerd-fetch@.service",
                              name);
        return take_file(reference, path, false, ret_secret);
}

static int take_variable(const struct reference *reference, const char *name,
                         struct secret *ret_secret) {
        const char *value = getenv(name);

        if (!value)
                return refuse(reference, "it is not set in the environment of bearerd-fetch");
        return take(reference, slice_of(value), ret_secret);
}

static int reference_load(const struct reference *reference, bool may_be_literal,
                          struct secret *ret_secret) {
        struct reference unshown = *reference;
        const char *rest;

        if ((rest = behind(reference->value, "credential:")))
                return take_credential(reference, rest, ret_secret);
        if ((rest = behind(reference->value, "env:")))
                return take_variable(reference, rest, ret_secret);
        if ((rest = behind(reference->value, "file:")))
                return take_file(reference, rest, true, ret_secret);
        /* Not shown: it may be a secret in the wrong place. */
        unshown.value = "as it is written";
        if (may_be_literal)
                return take(&unshown, slice_of(reference->value), ret_secret);
        return refuse(&unshown, "it must be credential:NAME, env:NAME or file:/path");
}

static int make_basic(const struct reference *client_id, const struct config_token *token,
                      struct credentials *credentials) {
        int r = oauth_basic(&credentials->client_id, &credentials->client_secret,
                            token->basic_encoding, &credentials->basic);

        if (r == -EINVAL)
                return refuse(client_id, "it has a colon, which basic_encoding = raw cannot send");
        if (r == -E2BIG)
                return refuse(client_id, "it and client_secret are too long to be sent");
        return r;
}

int credentials_load(const struct config_token *token, struct credentials *ret_credentials,
                     struct outcome *outcome) {
        struct reference client_id = {"client_id", token->client_id, outcome};
        struct reference client_secret = {"client_secret", token->client_secret, outcome};
        struct credentials credentials = CREDENTIALS_INIT;
        int r;

        r = reference_load(&client_id, true, &credentials.client_id);
        if (r == 0)
                r = reference_load(&client_secret, false, &credentials.client_secret);
        if (r == 0)
                r = make_basic(&client_id, token, &credentials);
        if (r < 0) {
                credentials_deinit(&credentials);
                return r;
        }
        *ret_credentials = credentials; /* consumed */
        return 0;
}
