/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/timespan.h"
#include "fetch/way.h"

#define set(option, value) (curl_easy_setopt(curl, option, value) == CURLE_OK)

/* Where it names a file, curl writes the keys of its TLS sessions into it. */
bool way_begin(void) {
        unsetenv("SSLKEYLOGFILE");
        return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void way_end(void) {
        curl_global_cleanup();
}

bool way_is_plain(const struct config_token *token) {
        return strncasecmp(token->token_url, "http:", 5) == 0;
}

static bool is_loopback(const char *address) {
        return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* The configuration allows http to a loopback name alone; that name may still lead elsewhere. */
const char *way_refusal(const struct config_token *token, const char *address) {
        return way_is_plain(token) && !is_loopback(address)
                       ? "it is http, and its host is no loopback address"
                       : NULL;
}

/* 0 would mean "no limit". */
static long milliseconds(uint64_t span) {
        return (long)(span / NSEC_PER_MSEC) + (span % NSEC_PER_MSEC != 0 || span == 0);
}

/* A CA file of one's own replaces the system's CAs, whose directory curl would go on looking into.
 */
static bool set_tls(CURL *curl, const struct config_token *token) {
        return set(CURLOPT_SSL_VERIFYPEER, 1L) && set(CURLOPT_SSL_VERIFYHOST, 2L) &&
               set(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
               set(CURLOPT_PROXY_SSL_VERIFYPEER, 1L) && set(CURLOPT_PROXY_SSL_VERIFYHOST, 2L) &&
               set(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
               set(CURLOPT_SSL_SESSIONID_CACHE, 0L) &&
               (!*token->tls_pinned_key || set(CURLOPT_PINNEDPUBLICKEY, token->tls_pinned_key)) &&
               (!*token->tls_ca_file ||
                (set(CURLOPT_CAINFO, token->tls_ca_file) && set(CURLOPT_CAPATH, NULL)));
}

/* By its literal address: "host!" has curl look at no interface of that name. */
static bool set_source(CURL *curl, const struct config_token *token) {
        char source[sizeof "host!" + INET6_ADDRSTRLEN];

        snprintf(source, sizeof source, "host!%s", token->source_address);
        return !*token->source_address || set(CURLOPT_INTERFACE, source);
}

static long http_version(const struct config_token *token) {
        return token->http_version == CONFIG_HTTP_2 ? CURL_HTTP_VERSION_2TLS
                                                    : CURL_HTTP_VERSION_1_1;
}

/* Basic alone: what else there is (Digest, NTLM) is older than what it would protect. */
static bool set_proxy(CURL *curl, const struct config_token *token, const struct proxy *proxy) {
        return set(CURLOPT_PROXY, token->proxy) && set(CURLOPT_NOPROXY, "") &&
               set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
               (proxy->user.size == 0 || (set(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC) &&
                                          set(CURLOPT_PROXYUSERNAME, proxy->user.data) &&
                                          set(CURLOPT_PROXYPASSWORD, proxy->password.data)));
}

/* Where to, by which way, for how long. A proxy of "" is none, also where the environment has one.
 * QUICK_EXIT: a name lookup that hangs must not hold up the end. */
bool way_set(CURL *curl, const struct config_token *token, const struct proxy *proxy) {
        return set_tls(curl, token) && set(CURLOPT_URL, token->token_url) &&
               set(CURLOPT_PROTOCOLS_STR, way_is_plain(token) ? "http" : "https") &&
               set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
               set(CURLOPT_HTTP_VERSION, http_version(token)) && set_source(curl, token) &&
               set(CURLOPT_HTTP09_ALLOWED, 0L) && set(CURLOPT_FOLLOWLOCATION, 0L) &&
               set(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) && set_proxy(curl, token, proxy) &&
               set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_QUICK_EXIT, 1L) &&
               set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(token->connect_timeout)) &&
               set(CURLOPT_TIMEOUT_MS, milliseconds(token->timeout)) &&
               set(CURLOPT_USERAGENT, "bearerd/" VERSION);
}

bool way_is_closed_by_proxy(CURL *curl) {
        long status = 0;

        curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &status);
        return status == 407;
}

struct slice way_header(struct slice line, const char *name) {
        size_t size = strlen(name);

        while (line.size > 0 &&
               (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r'))
                line.size--;
        if (line.size < size || strncasecmp(line.data, name, size) != 0)
                return (struct slice){NULL, 0};
        return (struct slice){line.data + size, line.size - size};
}
