/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "fetch/reference.h"

#define PATH_SIZE 4096

int reference_refuse(const struct reference *reference, const char *format, ...) {
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

static size_t most_of(const struct reference *reference) {
        return reference->is_document ? REFERENCE_DOCUMENT_MAX : REFERENCE_LINE_MAX;
}

static int refuse_long(const struct reference *reference) {
        return reference_refuse(reference, "it is longer than %zu bytes", most_of(reference));
}

static int take(const struct reference *reference, struct slice text, struct secret *ret_secret) {
        if (!reference->is_document)
                text = without_newline(text);
        if (text.size == 0)
                return reference_refuse(reference, "it is empty");
        if (text.size > most_of(reference))
                return refuse_long(reference);
        if (!reference->is_document && has_control_characters(text))
                return reference_refuse(reference,
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

        r = file_read(path, most_of(reference) + 2, &content, &status);
        if (r == -EFBIG)
                return refuse_long(reference);
        if (file_is_short(r))
                return r;
        if (r < 0)
                return reference_refuse(reference, "cannot be read: %s", file_error(r));
        if (must_be_private && (status.st_mode & 077) != 0)
                r = reference_refuse(reference,
                                     "its mode %04o lets others than its owner use it: chmod 600",
                                     status.st_mode & 07777);
        else if (must_be_private && status.st_uid != 0 && status.st_uid != geteuid())
                r = reference_refuse(reference,
                                     "it belongs to uid %u, and must to root or to uid %u",
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
                return reference_refuse(reference, "'%s' is no name of a credential", name);
        if (!directory)
                return reference_refuse(
                        reference,
                        "there is no $CREDENTIALS_DIRECTORY: credential:NAME is for systemd "
                        "units, elsewhere use env:NAME or file:/path");
        length = snprintf(path, sizeof path, "%s/%s", directory, name);
        if (length < 0 || (size_t)length >= sizeof path)
                return reference_refuse(reference, "its path is too long");
        if (access(path, F_OK) < 0 && errno == ENOENT)
                return reference_refuse(reference,
                                        "it is not there: put it into /etc/credstore, and add "
                                        "LoadCredential=%s to bearerd-fetch@.service",
                                        name);
        return take_file(reference, path, false, ret_secret);
}

static int take_variable(const struct reference *reference, const char *name,
                         struct secret *ret_secret) {
        const char *value = getenv(name);

        if (!value)
                return reference_refuse(reference,
                                        "it is not set in the environment of bearerd-fetch");
        return take(reference, slice_of(value), ret_secret);
}

int reference_load(const struct reference *reference, struct secret *ret_secret) {
        struct reference unshown = *reference;
        const char *rest;

        if ((rest = behind(reference->value, "credential:")))
                return take_credential(reference, rest, ret_secret);
        if ((rest = behind(reference->value, "env:")))
                return take_variable(reference, rest, ret_secret);
        if ((rest = behind(reference->value, "file:")))
                return take_file(reference, rest, !reference->is_public, ret_secret);
        /* Not shown: it may be a secret in the wrong place. */
        unshown.value = "as it is written";
        if (reference->may_be_literal)
                return take(&unshown, slice_of(reference->value), ret_secret);
        return reference_refuse(&unshown, "it must be credential:NAME, env:NAME or file:/path");
}
