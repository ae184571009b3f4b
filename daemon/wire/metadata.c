/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "wire/document.h"
#include "wire/metadata.h"

/* clang-format off */
const char *const metadata_kind_words[] = {
        [METADATA_OPENID] = "openid",
        [METADATA_OAUTH]  = "oauth",
        [METADATA_SMART]  = "smart",
        NULL,
};
/* clang-format on */

bool metadata_is_issuer(struct slice text) {
        struct url url;

        return url_parse(text, &url) == 0 && (url.is_https || url.is_loopback) &&
               !memchr(text.data, '?', text.size);
}

/* OpenID Connect Discovery 4: "any terminating / MUST be removed"; RFC 8414 3.1 as well. */
static struct slice without_slash(struct slice text) {
        assert(text.size > 0);
        if (text.data[text.size - 1] == '/')
                text.size--;
        return text;
}

/* RFC 8414 puts it between host and path, the others behind. */
void metadata_url(struct buffer *out, enum metadata_kind kind, struct slice issuer) {
        static const char *const places[] = {
                [METADATA_OPENID] = "/.well-known/openid-configuration",
                [METADATA_OAUTH] = "/.well-known/oauth-authorization-server",
                [METADATA_SMART] = "/.well-known/smart-configuration",
        };
        struct slice path = {NULL, 0}, base = without_slash(issuer);
        struct url url;

        if (kind == METADATA_OAUTH && url_parse(base, &url) == 0) {
                path = url.path;
                base.size -= path.size;
        }
        buffer_append_slice(out, base);
        buffer_append_text(out, places[kind]);
        buffer_append_slice(out, path);
}

static bool is_same(struct slice a, struct slice b) {
        return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* RFC 8414 3.3, OpenID Connect Discovery 4.3: it must be the very same text, or one server could
 * pass for another. In SMART the issuer is that of id tokens; what is asked there is the base URL,
 * for which TLS speaks. */
static const char *check_issuer(struct json_object *root, enum metadata_kind kind,
                                struct slice issuer) {
        struct slice theirs = document_string(root, "issuer");

        if (kind == METADATA_SMART)
                return NULL;
        if (!theirs.data)
                return "it has no issuer";
        return is_same(theirs, issuer) ? NULL : "it is of another issuer than is configured";
}

static struct slice endpoint_of(struct json_object *root, bool is_tls) {
        struct slice endpoint = {NULL, 0};

        if (is_tls)
                endpoint = document_string(document_object(root, "mtls_endpoint_aliases"),
                                           "token_endpoint");
        return endpoint.data ? endpoint : document_string(root, "token_endpoint");
}

/* http may be what an issuer on this host names, on this host. */
static const char *check_endpoint(struct slice endpoint, struct slice issuer) {
        struct url url, ours;

        if (!endpoint.data)
                return "it has no token_endpoint";
        if (url_parse(endpoint, &url) < 0 || url_parse(issuer, &ours) < 0)
                return "its token_endpoint is no URL that can be used";
        if (!url.is_https && (ours.is_https || !url.is_loopback))
                return "its token_endpoint is not https";
        return NULL;
}

static const char *read_root(struct json_object *root, enum metadata_kind kind, struct slice issuer,
                             bool is_tls, char ret_url[URL_SIZE_MAX + 1]) {
        struct slice endpoint = endpoint_of(root, is_tls);
        const char *why = check_issuer(root, kind, issuer);

        if (!why)
                why = check_endpoint(endpoint, issuer);
        if (why)
                return why;
        memcpy(ret_url, endpoint.data, endpoint.size);
        ret_url[endpoint.size] = 0;
        return NULL;
}

const char *metadata_read(struct slice text, enum metadata_kind kind, struct slice issuer,
                          bool is_tls, char ret_url[URL_SIZE_MAX + 1]) {
        struct json_object *root = NULL;
        const char *why;

        if (text.size > METADATA_SIZE_MAX)
                return "it is longer than 65536 bytes";
        why = document_read(text, &root);
        if (!why)
                why = read_root(root, kind, issuer, is_tls, ret_url);
        document_free(root);
        return why;
}
