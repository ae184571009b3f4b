/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "fetch/request.h"
#include "fetch/way.h"
#include "wire/oauth.h"

#define FORM_MAX ((size_t)16384)

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

/* The connection stands, TLS is done, and nothing was sent yet: from here on it counts as sent.
 * The configuration allows http to a loopback name alone; that name may still lead elsewhere. */
static int before_sending(void *user, char *address, char *local_address, int port,
                          int local_port) {
        struct exchange *exchange = user;

        if (exchange->is_plain && !way_is_loopback(address)) {
                exchange->why = "token_url is http, and its host is no loopback address";
                return CURL_PREREQFUNC_ABORT;
        }
        exchange->outcome->sent = true;
        exchange->outcome->sent_at = clock_ns(CLOCK_BOOTTIME);
        return CURL_PREREQFUNC_OK;
}

/* One line, with its newline. A status line begins a new answer: the one before was interim. */
static size_t header_came(char *data, size_t one, size_t size, void *user) {
        struct exchange *exchange = user;
        struct slice line = {data, size};
        struct slice value = way_header(line, "retry-after:");

        exchange->header_size += size;
        if (exchange->header_size > REQUEST_HEADER_MAX ||
            ++exchange->header_lines > REQUEST_HEADER_LINES_MAX) {
                exchange->why = "the header of the answer is too long";
                return 0;
        }
        if (way_header(line, "http/").data)
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

/* Not CURLOPT_USERPWD: curl would not form-urlencode. HEADEROPT: nothing of this is for a proxy. */
static bool set_content(struct exchange *exchange, const struct config_token *token,
                        const struct credentials *credentials) {
        CURL *curl = exchange->curl;

        oauth_form(&exchange->form, token->scope);
        return buffer_error(&exchange->form) == 0 &&
               add_header(exchange, "Authorization: ", credentials->basic.data) &&
               add_header(exchange, "Content-Type: ", "application/x-www-form-urlencoded") &&
               add_header(exchange, "Accept: ", "application/json") &&
               add_header(exchange, "Expect:", "") &&
               set(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) &&
               set(CURLOPT_HTTPHEADER, exchange->headers) && set(CURLOPT_POST, 1L) &&
               set(CURLOPT_POSTFIELDSIZE, (long)exchange->form.size) &&
               set(CURLOPT_POSTFIELDS, exchange->form.data);
}

#undef set

static bool exchange_init(struct exchange *exchange, const struct config_token *token,
                          const struct credentials *credentials, struct outcome *outcome) {
        *exchange = (struct exchange){
                .is_plain = way_is_plain(token),
                .form = BUFFER_INIT(FORM_MAX),
                .body = BUFFER_INIT(OAUTH_BODY_MAX + 1),
                .outcome = outcome,
        };
        exchange->curl = curl_easy_init();
        return exchange->curl && way_set(exchange->curl, token) && set_callbacks(exchange) &&
               set_content(exchange, token, credentials);
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

/* A server that misbehaves after the request has nothing to do with the configuration. */
static void exchange_failed(const struct exchange *exchange, CURLcode code) {
        const struct failure *failure = failure_find(exchange->outcome->sent ? CURLE_OK : code);
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
        long status = 0;

        curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
        if (!is_answer(exchange, code, status)) {
                exchange_failed(exchange, code);
                return;
        }
        outcome->retry_after = exchange->retry_after;
        if (oauth_answer((int)status, buffer_slice(&exchange->body),
                         token->default_expires_in / NSEC_PER_SEC, &credentials->client_secret,
                         &credentials->basic, outcome) < 0)
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
