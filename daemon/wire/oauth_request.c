/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/form.h"
#include "wire/oauth.h"

/* RFC 7523 2.2 */
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static void append_base64(struct buffer *out, struct slice bytes) {
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = 0; i < bytes.size; i += 3) {
                size_t n = bytes.size - i < 3 ? bytes.size - i : 3;
                unsigned bits = 0;

                for (size_t j = 0; j < 3; j++)
                        bits = bits << 8 | (j < n ? (unsigned char)bytes.data[i + j] : 0);
                for (size_t j = 0; j < 4; j++)
                        buffer_append_char(out, j <= n ? alphabet[bits >> (18 - 6 * j) & 63] : '=');
        }
}

int oauth_basic(const struct secret *client_id, const struct secret *client_secret,
                enum config_basic_encoding encoding, struct secret *ret_value) {
        bool is_raw = encoding == CONFIG_BASIC_RAW;
        void (*append)(struct buffer *, struct slice) = is_raw ? buffer_append_slice : form_encode;
        struct buffer pair = BUFFER_INIT(SECRET_SIZE_MAX), value = BUFFER_INIT(SECRET_SIZE_MAX);
        int r;

        if (is_raw && client_id->size > 0 && memchr(client_id->data, ':', client_id->size))
                return -EINVAL;
        append(&pair, secret_slice(client_id));
        buffer_append_char(&pair, ':');
        append(&pair, secret_slice(client_secret));
        buffer_append_text(&value, "Basic ");
        append_base64(&value, buffer_slice(&pair));

        r = buffer_error(&pair) < 0 ? buffer_error(&pair) : buffer_error(&value);
        if (r == 0)
                r = secret_set(ret_value, value.data, value.size);
        buffer_deinit(&pair);
        buffer_deinit(&value);
        return r == -ENOBUFS ? -E2BIG : r;
}

static void append_pair(struct buffer *out, const char *name, struct slice value) {
        if (value.size == 0)
                return;
        buffer_append_char(out, '&');
        buffer_append_text(out, name);
        buffer_append_char(out, '=');
        form_encode(out, value);
}

/* Also one without a value. */
static void append_field(struct buffer *out, struct slice field) {
        struct slice name = {NULL, 0};

        slice_cut(&field, '=', &name);
        buffer_append_char(out, '&');
        form_encode(out, name);
        buffer_append_char(out, '=');
        form_encode(out, field);
}

static struct slice slice_of_secret(const struct secret *secret) {
        return secret ? secret_slice(secret) : (struct slice){NULL, 0};
}

static const char *const grants[] = {
        [GRANT_CLIENT_CREDENTIALS] = "client_credentials",
        [GRANT_JWT_BEARER] = "urn:ietf:params:oauth:grant-type:jwt-bearer",
};

void oauth_form(struct buffer *out, const struct oauth_form *form) {
        struct slice assertion = slice_of_secret(form->assertion);

        buffer_append_text(out, "grant_type=");
        form_encode(out, slice_of(grants[form->grant]));
        append_pair(out, "scope", slice_of(form->scope));
        append_pair(out, "audience", slice_of(form->audience));
        for (char *const *resource = form->resources; resource && *resource; resource++)
                append_pair(out, "resource", slice_of(*resource));
        append_pair(out, "client_id", slice_of_secret(form->client_id));
        append_pair(out, "client_secret", slice_of_secret(form->client_secret));
        if (form->grant == GRANT_JWT_BEARER) {
                append_pair(out, "assertion", assertion);
        } else if (assertion.size > 0) {
                append_pair(out, "client_assertion_type", SLICE(ASSERTION_TYPE));
                append_pair(out, "client_assertion", assertion);
        }
        for (char *const *field = form->fields; field && *field; field++)
                append_field(out, slice_of(*field));
}
