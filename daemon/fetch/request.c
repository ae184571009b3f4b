/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "fetch/request.h"
#include "wire/oauth.h"

#define FORM_MAX ((size_t)65536)

/* One request and its answer, as far as it has come. */
struct exchange {
        CURL *curl;
        bool is_plain; /* http, to a loopback address */
        struct curl_slist *headers;
        struct buffer form;
        struct buffer body; /* room for one byte more than is taken, so that oauth sees it */
        size_t header_size, header_lines;
        uint64_t retry_after;
        const char *why; /* it was given up here; NULL: see error */
        char error[CURL_ERROR_SIZE];
        struct outcome *outcome;
};

static uint64_t clock_ns(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* What curl tells on the way */

static bool is_loopback(const char *address) {
        return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* The connection stands, TLS is done, and nothing was sent yet: from here on it counts as sent.
 * The configuration allows http to a loopback name alone; that name may still lead elsewhere. */
static int before_sending(void *user, char *address, char *local_address, int port,
                          int local_port) {
        struct exchange *exchange = user;

        if (exchange->is_plain && !is_loopback(address)) {
                exchange->why = "token_url is http, and its host is no loopback address";
                return CURL_PREREQFUNC_ABORT;
        }
        exchange->outcome->sent = true;
        exchange->outcome->sent_at = clock_ns(CLOCK_BOOTTIME);
        return CURL_PREREQFUNC_OK;
}

static struct slice without_newline(struct slice line) {
        while (line.size > 0 &&
               (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r'))
                line.size--;
        return line;
}

/* The value of LINE if that is the header NAME (in lower case, with its colon); or without data. */
static struct slice header_value(struct slice line, const char *name) {
        size_t size = strlen(name);

        if (line.size < size || strncasecmp(line.data, name, size) != 0)
                return (struct slice){NULL, 0};
        return (struct slice){line.data + size, line.size - size};
}

/* One line, with its newline. A status line begins a new answer: the one before was interim. */
static size_t header_came(char *data, size_t one, size_t size, void *user) {
        struct exchange *exchange = user;
        struct slice line = without_newline((struct slice){data, size});
        struct slice value = header_value(line, "retry-after:");

        exchange->header_size += size;
        if (exchange->header_size > REQUEST_HEADER_MAX ||
            ++exchange->header_lines > REQUEST_HEADER_LINES_MAX) {
                exchange->why = "the header of the answer is too long";
                return 0;
        }
        if (header_value(line, "http/").data)
                exchange->retry_after = 0;
        if (value.data)
                exchange->retry_after = oauth_retry_after(
                        value, (int64_t)(clock_ns(CLOCK_REALTIME) / NSEC_PER_SEC));
        return size;
}

static size_t body_came(char *data, size_t one, size_t size, void *user) {
        struct exchange *exchange = user;
        size_t left = exchange->body.limit - exchange->body.size;

        buffer_append(&exchange->body, data, size < left ? size : left);
        return buffer_error(&exchange->body) == 0 && size < left ? size : 0;
}

/* What curl is told */

#define set(option, value) (curl_easy_setopt(curl, option, value) == CURLE_OK)

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
               (!*token->tls_ca_file ||
                (set(CURLOPT_CAINFO, token->tls_ca_file) && set(CURLOPT_CAPATH, NULL)));
}

/* Where to, by which way, for how long. A proxy of "" is none, also where the environment has one.
 * QUICK_EXIT: a name lookup that hangs must not hold up the end. */
static bool set_way(struct exchange *exchange, const struct config_token *token) {
        CURL *curl = exchange->curl;

        return set(CURLOPT_URL, token->token_url) &&
               set(CURLOPT_PROTOCOLS_STR, exchange->is_plain ? "http" : "https") &&
               set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
               set(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
               set(CURLOPT_HTTP09_ALLOWED, 0L) && set(CURLOPT_FOLLOWLOCATION, 0L) &&
               set(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) && set(CURLOPT_PROXY, token->proxy) &&
               set(CURLOPT_NOPROXY, "") && set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
               set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_QUICK_EXIT, 1L) &&
               set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(token->connect_timeout)) &&
               set(CURLOPT_TIMEOUT_MS, milliseconds(token->timeout));
}

static bool set_callbacks(struct exchange *exchange) {
        CURL *curl = exchange->curl;

        return set(CURLOPT_ERRORBUFFER, exchange->error) &&
               set(CURLOPT_PREREQFUNCTION, before_sending) && set(CURLOPT_PREREQDATA, exchange) &&
               set(CURLOPT_HEADERFUNCTION, header_came) && set(CURLOPT_HEADERDATA, exchange) &&
               set(CURLOPT_WRITEFUNCTION, body_came) && set(CURLOPT_WRITEDATA, exchange);
}

static bool add_header(struct exchange *exchange, const char *name, const char *value) {
        struct buffer line = BUFFER_INIT(SECRET_SIZE_MAX + 64);
        struct curl_slist *headers = NULL;

        buffer_append_text(&line, name);
        buffer_append_text(&line, value);
        buffer_append_char(&line, 0);
        if (buffer_error(&line) == 0)
                headers = curl_slist_append(exchange->headers, line.data);
        buffer_deinit(&line);
        if (headers)
                exchange->headers = headers;
        return headers != NULL;
}

/* For the endpoint alone: a proxy that asks for a certificate sees none. */
static bool set_certificate(CURL *curl, const struct credentials *credentials) {
        struct curl_blob certificate = {credentials->certificate.data,
                                        credentials->certificate.size, CURL_BLOB_NOCOPY};
        struct curl_blob key = {credentials->private_key.data, credentials->private_key.size,
                                CURL_BLOB_NOCOPY};

        return certificate.len == 0 ||
               (set(CURLOPT_SSLCERT_BLOB, &certificate) && set(CURLOPT_SSLKEY_BLOB, &key));
}

static bool add_authorization(struct exchange *exchange, const struct credentials *credentials) {
        const struct secret *basic = &credentials->basic;

        return basic->size == 0 || add_header(exchange, "Authorization: ", basic->data);
}

/* Not CURLOPT_USERPWD: curl would not form-urlencode. HEADEROPT: nothing of this is for a proxy. */
static bool set_content(struct exchange *exchange, const struct config_token *token,
                        const struct credentials *credentials) {
        struct oauth_form form = credentials_form(token, credentials);
        CURL *curl = exchange->curl;

        oauth_form(&exchange->form, &form);
        return buffer_error(&exchange->form) == 0 && add_authorization(exchange, credentials) &&
               add_header(exchange, "Content-Type: ", "application/x-www-form-urlencoded") &&
               add_header(exchange, "Accept: ", "application/json") &&
               add_header(exchange, "Expect:", "") &&
               set(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) &&
               set(CURLOPT_HTTPHEADER, exchange->headers) &&
               set(CURLOPT_USERAGENT, "bearerd/" VERSION) && set(CURLOPT_POST, 1L) &&
               set(CURLOPT_POSTFIELDSIZE, (long)exchange->form.size) &&
               set(CURLOPT_POSTFIELDS, exchange->form.data);
}

#undef set

static bool exchange_init(struct exchange *exchange, const struct config_token *token,
                          const struct credentials *credentials, struct outcome *outcome) {
        *exchange = (struct exchange){
                .is_plain = strncasecmp(token->token_url, "http:", 5) == 0,
                .form = BUFFER_INIT(FORM_MAX),
                .body = BUFFER_INIT(OAUTH_BODY_MAX + 1),
                .outcome = outcome,
        };
        exchange->curl = curl_easy_init();
        return exchange->curl && set_tls(exchange->curl, token) &&
               set_certificate(exchange->curl, credentials) && set_way(exchange, token) &&
               set_callbacks(exchange) && set_content(exchange, token, credentials);
}

static void exchange_deinit(struct exchange *exchange) {
        curl_easy_cleanup(exchange->curl);
        for (struct curl_slist *header = exchange->headers; header; header = header->next)
                explicit_bzero(header->data, strlen(header->data));
        curl_slist_free_all(exchange->headers);
        buffer_deinit(&exchange->form);
        buffer_deinit(&exchange->body);
}

/* What came of it */

#define RETRIED "it is tried again"

static const struct failure {
        CURLcode code;
        enum outcome_kind kind; /* if nothing was sent */
        const char *advice;
} failures[] = {
        {CURLE_ABORTED_BY_CALLBACK, OUTCOME_MISCONFIGURED, "check token_url"},
        {CURLE_COULDNT_CONNECT, OUTCOME_FAILED, "check token_url and the firewall, " RETRIED},
        {CURLE_COULDNT_RESOLVE_HOST, OUTCOME_FAILED, "check token_url and DNS, " RETRIED},
        {CURLE_COULDNT_RESOLVE_PROXY, OUTCOME_FAILED, "check proxy and DNS, " RETRIED},
        {CURLE_OPERATION_TIMEDOUT, OUTCOME_FAILED, "the network or the endpoint is slow, " RETRIED},
        {CURLE_PEER_FAILED_VERIFICATION, OUTCOME_DENIED, "check token_url and tls_ca_file"},
        {CURLE_PROXY, OUTCOME_FAILED, "check proxy, " RETRIED},
        {CURLE_SSL_CERTPROBLEM, OUTCOME_MISCONFIGURED, "check client_certificate and private_key"},
        {CURLE_SSL_CACERT_BADFILE, OUTCOME_MISCONFIGURED,
         "check tls_ca_file, or install ca-certificates"},
        {CURLE_SSL_CONNECT_ERROR, OUTCOME_FAILED, "check token_url and its TLS, " RETRIED},
        {CURLE_SSL_INVALIDCERTSTATUS, OUTCOME_DENIED, "check token_url and tls_ca_file"},
        {CURLE_SSL_ISSUER_ERROR, OUTCOME_DENIED, "check token_url and tls_ca_file"},
        {CURLE_SSL_PINNEDPUBKEYNOTMATCH, OUTCOME_DENIED, "check token_url and tls_ca_file"},
        {CURLE_UNSUPPORTED_PROTOCOL, OUTCOME_MISCONFIGURED, "check token_url"},
        {CURLE_URL_MALFORMAT, OUTCOME_MISCONFIGURED, "check token_url"},
        {CURLE_OK, OUTCOME_FAILED, RETRIED}, /* every other */
};

static const struct failure *failure_find(CURLcode code) {
        const struct failure *failure = failures;

        while (failure->code != CURLE_OK && failure->code != code)
                failure++;
        return failure;
}

/* By TLS 1.3 a client knows what it was refused for only once it reads the answer (RFC 8446 E.1.2),
 * and libcurl has the alert in its text alone. */
static bool is_certificate_refused(const struct exchange *exchange, bool has_certificate) {
        return has_certificate && !exchange->why && strstr(exchange->error, " alert ");
}

/* A server that misbehaves after the request has nothing to do with the configuration. */
static void exchange_failed(const struct exchange *exchange, CURLcode code, bool has_certificate) {
        static const struct failure refused = {CURLE_OK, OUTCOME_DENIED,
                                               "check client_certificate and private_key"};
        const struct failure *failure =
                is_certificate_refused(exchange, has_certificate)
                        ? &refused
                        : failure_find(exchange->outcome->sent ? CURLE_OK : code);
        const char *why = exchange->why      ? exchange->why
                          : *exchange->error ? exchange->error
                                             : curl_easy_strerror(code);

        exchange->outcome->kind = failure->kind;
        outcome_explain(exchange->outcome, "%.160s: %s", why, failure->advice);
}

/* A status that refuses is an answer, however little of its body came. */
static bool is_answer(const struct exchange *exchange, CURLcode code, long status) {
        if (status < 200 || status > 599)
                return false;
        return code == CURLE_OK || status >= 300 || exchange->body.size > OAUTH_BODY_MAX;
}

static void exchange_end(const struct exchange *exchange, CURLcode code,
                         const struct config_token *token, const struct credentials *credentials) {
        struct outcome *outcome = exchange->outcome;
        struct oauth_asked asked = {
                .client_auth = token->client_auth,
                .default_expires_in = token->default_expires_in / NSEC_PER_SEC,
                .secret = credentials->assertion.size > 0 ? &credentials->assertion
                                                          : &credentials->client_secret,
                .basic = &credentials->basic,
        };
        long status = 0;

        curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
        if (!is_answer(exchange, code, status)) {
                exchange_failed(exchange, code, client_auth_is_tls(token->client_auth));
                return;
        }
        outcome->retry_after = exchange->retry_after;
        if (oauth_answer((int)status, buffer_slice(&exchange->body), &asked, outcome) < 0)
                outcome_explain(outcome, "out of memory");
}

void request_perform(const struct config_token *token, const struct credentials *credentials,
                     struct outcome *ret_outcome) {
        struct exchange exchange;

        *ret_outcome = OUTCOME_INIT;
        /* Where it names a file, curl writes the keys of its TLS sessions into it. */
        unsetenv("SSLKEYLOGFILE");
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
                outcome_explain(ret_outcome, "libcurl cannot start: " RETRIED);
                return;
        }
        if (exchange_init(&exchange, token, credentials, ret_outcome))
                exchange_end(&exchange, curl_easy_perform(exchange.curl), token, credentials);
        else
                outcome_explain(ret_outcome, "libcurl refuses its settings, or memory is short");
        exchange_deinit(&exchange);
        curl_global_cleanup();
}
