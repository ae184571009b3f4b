/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "wire/form.h"
#include "wire/grant.h"

struct grant {
        char type[sizeof "client_credentials"]; /* "": none; "?": another one */
        char name[TOKEN_NAME_MAX + 1];          /* "": none, or none of a token */
        bool has_client_id;
        const char *error;
        const char *why;
};

static int refuse(struct grant *grant, const char *error, const char *why) {
        grant->error = error;
        grant->why = why;
        return -EBADMSG;
}

static void read_client_id(struct slice client_id, char ret_name[TOKEN_NAME_MAX + 1]) {
        char name[TOKEN_NAME_MAX];
        ssize_t size = form_decode(client_id, name, sizeof name);

        if (size > 0 && token_name_is_valid((struct slice){name, (size_t)size})) {
                memcpy(ret_name, name, (size_t)size);
                ret_name[size] = 0;
        }
        explicit_bzero(name, sizeof name);
}

static void read_type(struct slice value, struct grant *grant) {
        ssize_t size = form_decode(value, grant->type, sizeof grant->type - 1);

        if (size < 0 || memchr(grant->type, 0, (size_t)size))
                strcpy(grant->type, "?");
        else
                grant->type[size] = 0;
}

/* RFC 6749 3.2: no parameter twice, and one without a value is not there. */
static int read_pair(struct slice name, struct slice value, struct grant *grant) {
        char key[sizeof "grant_type" - 1];
        ssize_t size = form_decode(name, key, sizeof key);
        struct slice decoded = {key, size > 0 ? (size_t)size : 0};

        if (size == -EBADMSG || form_decode(value, NULL, 0) < 0)
                return refuse(grant, "invalid_request",
                              "the form has a \"%\" without two hexadecimal digits");
        if (value.size == 0)
                return 0;
        if (slice_is(decoded, "grant_type")) {
                if (grant->type[0])
                        return refuse(grant, "invalid_request", "grant_type is there twice");
                read_type(value, grant);
        } else if (slice_is(decoded, "client_id")) {
                if (grant->has_client_id)
                        return refuse(grant, "invalid_request", "client_id is there twice");
                grant->has_client_id = true;
                read_client_id(value, grant->name);
        }
        return 0;
}

/* RFC 4648 4. -1: none of the alphabet. */
static int base64_value(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The user-id of Basic credentials (RFC 7617 2), decoded up to its colon and no further: behind it
 * is a secret. The length; 0: none, or longer than SIZE. */
static size_t decode_user_id(struct slice base64, char *ret_id, size_t size) {
        size_t length = 0;
        unsigned bits = 0, n_bits = 0;

        for (size_t i = 0; i < base64.size; i++) {
                int value = base64_value(base64.data[i]);
                char c;

                if (value < 0)
                        return 0;
                bits = (bits << 6 | (unsigned)value) & 0xfff;
                n_bits += 6;
                if (n_bits < 8)
                        continue;
                n_bits -= 8;
                c = (char)(bits >> n_bits & 0xff);
                if (c == ':')
                        return length;
                if (length == size)
                        return 0;
                ret_id[length++] = c;
        }
        return 0;
}

/* RFC 6749 2.3.1: the id is form-encoded in there. */
static void read_basic(struct slice authorization, char ret_name[TOKEN_NAME_MAX + 1]) {
        char id[3 * TOKEN_NAME_MAX];
        struct slice scheme;
        size_t size;

        if (!slice_cut(&authorization, ' ', &scheme) || !slice_is_nocase(scheme, "basic"))
                return;
        size = decode_user_id(slice_trim(authorization), id, sizeof id);
        read_client_id((struct slice){id, size}, ret_name);
        explicit_bzero(id, sizeof id);
}

static int read_form(const struct http1_request *http, struct grant *grant) {
        struct slice form = http->body, name, value;

        if (form.size > 0 && !slice_is_nocase(http1_media_type(http->content_type),
                                              "application/x-www-form-urlencoded"))
                return refuse(grant, "invalid_request",
                              "Content-Type must be application/x-www-form-urlencoded");
        while (form_next(&form, &name, &value)) {
                int r = read_pair(name, value, grant);

                if (r < 0)
                        return r;
        }
        if (!grant->type[0])
                return refuse(grant, "invalid_request",
                              "the form must have grant_type=client_credentials");
        if (strcmp(grant->type, "client_credentials") != 0)
                return refuse(grant, "unsupported_grant_type",
                              "grant_type must be client_credentials");
        return 0;
}

int grant_parse(const struct http1_request *http, char ret_name[TOKEN_NAME_MAX + 1],
                const char **ret_error, const char **ret_why) {
        struct grant grant = {0};
        int r;

        r = read_form(http, &grant);
        if (r < 0) {
                *ret_error = grant.error;
                *ret_why = grant.why;
                return r;
        }
        if (!grant.name[0])
                read_basic(http->authorization, grant.name);
        memcpy(ret_name, grant.name, sizeof grant.name);
        return 0;
}
