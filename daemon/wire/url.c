/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/decimal.h"
#include "wire/url.h"

#define HOST_SIZE_MAX 253 /* RFC 1035 2.3.4, as text */

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter_or_digit(char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct slice behind(struct slice text, size_t size) {
        return (struct slice){text.data + size, text.size - size};
}

static bool take_prefix(struct slice *text, const char *prefix) {
        size_t size = strlen(prefix);

        if (text->size < size || memcmp(text->data, prefix, size) != 0)
                return false;
        *text = behind(*text, size);
        return true;
}

/* RFC 3986 3.3 and 3.4, without "@". */
static bool path_is_valid(struct slice path) {
        for (size_t i = 0; i < path.size; i++) {
                char c = path.data[i];

                if (c == '%') {
                        if (path.size - i < 3 || !is_hex(path.data[i + 1]) ||
                            !is_hex(path.data[i + 2]))
                                return false;
                } else if (!is_letter_or_digit(c) && (c == 0 || !strchr("-._~!$&'()*+,;=:/?", c))) {
                        return false;
                }
        }
        return path.size == 0 || path.data[0] == '/';
}

/* Labels of letters, digits, "-" and "_", none of them empty (RFC 1123 2.1, and "_" as it is met).
 */
static bool name_is_valid(struct slice host) {
        char before = '.';

        for (size_t i = 0; i < host.size; i++) {
                char c = host.data[i];

                if (c == '.' || c == '-' ? before == '.' : !is_letter_or_digit(c) && c != '_')
                        return false;
                before = c;
        }
        return before != '.';
}

/* Whether readers of addresses may take the host for one: its last label begins with a digit, as
 * in 127.1, 0x7f.1 and 2130706433. No top-level domain does (RFC 3696 2). */
static bool looks_like_ipv4(struct slice host) {
        size_t i = host.size;

        while (i > 0 && host.data[i - 1] != '.')
                i--;
        return is_digit(host.data[i]);
}

static int read_address(int family, struct slice host, struct url *url) {
        static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
        char text[INET6_ADDRSTRLEN];
        unsigned char address[sizeof(struct in6_addr)];

        if (host.size >= sizeof text || memchr(host.data, 0, host.size))
                return -EINVAL;
        memcpy(text, host.data, host.size);
        text[host.size] = 0;
        if (inet_pton(family, text, address) != 1)
                return -EINVAL;
        url->is_loopback = family == AF_INET ? address[0] == 127
                                             : memcmp(address, &loopback, sizeof loopback) == 0;
        return 0;
}

static int read_host(struct slice host, struct url *url) {
        url->host = host;
        if (host.size == 0 || host.size > HOST_SIZE_MAX)
                return -EINVAL;
        if (host.data[0] == '[')
                return read_address(AF_INET6, (struct slice){host.data + 1, host.size - 2}, url);
        if (!name_is_valid(host))
                return -EINVAL;
        if (looks_like_ipv4(host))
                return read_address(AF_INET, host, url);
        url->is_loopback = slice_is_nocase(host, "localhost");
        return 0;
}

static int read_port(struct slice text, struct url *url) {
        uint64_t port;

        if (decimal_parse(text, 65535, &port) < 0 || text.data[0] == '0')
                return -EINVAL;
        url->port = (unsigned)port;
        return 0;
}

/* HOST or HOST:PORT. */
static int read_authority(struct slice authority, struct url *url) {
        size_t size = 0;
        int r;

        if (authority.size > 0 && authority.data[0] == '[') {
                const char *end = memchr(authority.data, ']', authority.size);

                if (!end)
                        return -EINVAL;
                size = (size_t)(end - authority.data) + 1;
        } else {
                while (size < authority.size && authority.data[size] != ':')
                        size++;
        }
        r = read_host((struct slice){authority.data, size}, url);
        if (r < 0 || size == authority.size)
                return r;
        if (authority.data[size] != ':')
                return -EINVAL;
        return read_port(behind(authority, size + 1), url);
}

int url_parse(struct slice text, struct url *ret_url) {
        struct url url = {0};
        struct slice authority;
        const char *slash;
        int r;

        if (text.size > URL_SIZE_MAX)
                return -EINVAL;
        url.is_https = take_prefix(&text, "https://");
        if (!url.is_https && !take_prefix(&text, "http://"))
                return -EINVAL;
        slash = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
        authority = (struct slice){text.data, slash ? (size_t)(slash - text.data) : text.size};
        url.path = behind(text, authority.size);
        if (!path_is_valid(url.path))
                return -EINVAL;
        r = read_authority(authority, &url);
        if (r < 0)
                return r;
        *ret_url = url;
        return 0;
}
