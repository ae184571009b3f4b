/* SPDX-License-Identifier: MIT */
/* A URL that a configuration may hold. Beyond not crashing: what is taken here, libcurl reads as
 * the same host, port and path, without user or fragment, so that what was checked is what is
 * connected to; what is called loopback is. */
#include <errno.h>

#include <curl/curl.h>

#include "base/buffer.h"
#include "fuzz.h"
#include "wire/url.h"

static char *part_of(CURLU *curl, CURLUPart part, unsigned flags) {
        char *text = NULL;

        return curl_url_get(curl, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static void check_part(CURLU *curl, CURLUPart part, struct slice ours, const char *what) {
        char *theirs = part_of(curl, part, 0);

        HOLDS(theirs, what);
        if (part == CURLUPART_HOST)
                HOLDS(slice_is_nocase(ours, theirs), what);
        else
                HOLDS(slice_is(ours, theirs), what);
        curl_free(theirs);
}

static void check_path(CURLU *curl, struct slice ours) {
        struct buffer theirs = BUFFER_INIT(2 * URL_SIZE_MAX);
        char *path = part_of(curl, CURLUPART_PATH, 0), *query = part_of(curl, CURLUPART_QUERY, 0);

        HOLDS(path, "two readers find a path");
        buffer_append_text(&theirs, path);
        if (query) {
                buffer_append_char(&theirs, '?');
                buffer_append_text(&theirs, query);
        }
        /* An empty query may be lost, an empty path is "/" (RFC 3986 6.2.3). */
        if (!query && ours.size > 0 && ours.data[ours.size - 1] == '?')
                ours.size--;
        HOLDS(is_same(buffer_slice(&theirs), ours.size > 0 ? ours : SLICE("/")),
              "two readers find the same path");
        curl_free(path);
        curl_free(query);
        buffer_deinit(&theirs);
}

static void check_loopback(const struct url *url) {
        if (!url->is_loopback)
                return;
        HOLDS(slice_is_nocase(url->host, "localhost") || has_prefix(url->host, SLICE("127.")) ||
                      (url->host.data[0] == '[' && url->host.data[url->host.size - 2] == '1'),
              "what is called loopback is");
}

static void check_curl(const char *text, const struct url *url) {
        CURLU *curl = curl_url();
        char port[16];

        HOLDS(curl, "there is memory");
        HOLDS(curl_url_set(curl, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK,
              "libcurl takes what is taken here");
        check_part(curl, CURLUPART_SCHEME, url->is_https ? SLICE("https") : SLICE("http"),
                   "two readers find the same scheme");
        if (url->host.data[0] != '[')
                check_part(curl, CURLUPART_HOST, url->host, "two readers find the same host");
        snprintf(port, sizeof port, "%u", url->port);
        if (url->port > 0)
                check_part(curl, CURLUPART_PORT, slice_of(port), "two readers find the same port");
        else
                HOLDS(!part_of(curl, CURLUPART_PORT, 0), "two readers find no port");
        HOLDS(!part_of(curl, CURLUPART_USER, 0) && !part_of(curl, CURLUPART_PASSWORD, 0) &&
                      !part_of(curl, CURLUPART_FRAGMENT, 0) && !part_of(curl, CURLUPART_ZONEID, 0),
              "there is nothing else to it");
        check_path(curl, url->path);
        curl_url_cleanup(curl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice text = input_of(data, size);
        struct url url, before;
        char *string;
        int r;

        memset(&url, 0x5a, sizeof url);
        before = url;
        r = url_parse(text, &url);
        HOLDS(r == 0 || r == -EINVAL, "it is a URL, or it is not");
        if (r < 0) {
                HOLDS(!memcmp(&url, &before, sizeof url), "results are written on success only");
                return 0;
        }
        HOLDS(size <= URL_SIZE_MAX && is_printable(text) && !memchr(data, '@', size),
              "a URL is plain and not too long");
        HOLDS(is_within(url.host, text) && is_within(url.path, text) && url.host.size > 0 &&
                      url.port <= 65535,
              "its parts are parts of it");
        check_loopback(&url);
        string = string_of(text, SIZE_MAX);
        check_curl(string, &url);
        free(string);
        return 0;
}
