/* SPDX-License-Identifier: MIT */
/* What an issuer says of itself; the first line is the issuer. Beyond not crashing: an endpoint or
 * why there is none, never both; it is a URL that a configuration could have, https unless all is
 * on this host, and is in what was said; another issuer's document brings none. */
#include "base/buffer.h"
#include "fuzz.h"
#include "wire/document.h"
#include "wire/metadata.h"

static void check_place(enum metadata_kind kind, struct slice issuer) {
        struct buffer place = BUFFER_INIT(URL_SIZE_MAX + 64);
        struct url url, ours;

        metadata_url(&place, kind, issuer);
        HOLDS(buffer_error(&place) == 0, "it fits");
        HOLDS(url_parse(issuer, &ours) == 0, "an issuer is a URL");
        HOLDS(place.size > URL_SIZE_MAX || url_parse(buffer_slice(&place), &url) == 0,
              "where it is is a URL");
        HOLDS(place.size > URL_SIZE_MAX || (is_same(url.host, ours.host) && url.port == ours.port &&
                                            url.is_https == ours.is_https),
              "it is the issuer's");
        buffer_deinit(&place);
}

static void check_found(struct slice text, enum metadata_kind kind, struct slice issuer,
                        bool is_tls, struct slice endpoint) {
        struct json_object *root = NULL;
        struct slice theirs;
        struct url url, ours;

        HOLDS(url_parse(endpoint, &url) == 0 && url_parse(issuer, &ours) == 0,
              "a configuration could have it");
        HOLDS(url.is_https || (url.is_loopback && !ours.is_https), "it is not in the clear");
        HOLDS(!document_read(text, &root), "it is one object");
        theirs = document_string(root, "issuer");
        HOLDS(kind == METADATA_SMART || is_same(theirs, issuer), "it is this issuer's");
        theirs = document_string(root, "token_endpoint");
        HOLDS(is_tls || is_same(theirs, endpoint), "it is what was said");
        document_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice text = input_of(data, size), issuer = take_line(&text);

        if (!metadata_is_issuer(issuer))
                return 0;
        for (unsigned kind = 0; metadata_kind_words[kind]; kind++) {
                check_place(kind, issuer);
                for (int is_tls = 0; is_tls < 2; is_tls++) {
                        char found[URL_SIZE_MAX + 1] = "nothing";
                        const char *why = metadata_read(text, kind, issuer, is_tls, found);

                        HOLDS(!why == (strcmp(found, "nothing") != 0), "an endpoint, or why not");
                        if (!why)
                                check_found(text, kind, issuer, is_tls, slice_of(found));
                }
        }
        return 0;
}
