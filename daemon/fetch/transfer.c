/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "fetch/transfer.h"
#include "fetch/way.h"
#include "wire/oauth.h"

/* What curl tells on the way */

/* The connection stands, TLS is done, and nothing was sent yet: from here on it counts as sent. */
static int before_sending(void *user, char *address, char *local_address, int port,
                          int local_port) {
        struct transfer *transfer = user;

        transfer->why = way_refusal(transfer->token, address);
        if (transfer->why)
                return CURL_PREREQFUNC_ABORT;
        transfer->sent_at = clock_now();
        return CURL_PREREQFUNC_OK;
}

/* One line, with its newline. A status line begins a new answer: the one before was interim. */
static size_t header_came(char *data, size_t one, size_t size, void *user) {
        struct transfer *transfer = user;
        struct slice line = {data, size};
        struct slice value = way_header(line, "retry-after:");

        transfer->header_size += size;
        if (transfer->header_size > TRANSFER_HEADER_MAX ||
            ++transfer->header_lines > TRANSFER_HEADER_LINES_MAX) {
                transfer->why = "the header of the answer is too long";
                return 0;
        }
        if (way_header(line, "http/").data)
                transfer->retry_after = 0;
        if (value.data)
                transfer->retry_after = oauth_retry_after(value, (int64_t)time(NULL));
        return size;
}

static size_t body_came(char *data, size_t one, size_t size, void *user) {
        struct transfer *transfer = user;
        size_t left = transfer->body.limit - transfer->body.size;

        buffer_append(&transfer->body, data, size < left ? size : left);
        return buffer_error(&transfer->body) == 0 && size < left ? size : 0;
}

/* What curl is told */

#define set(option, value) (curl_easy_setopt(curl, option, value) == CURLE_OK)

static bool set_callbacks(struct transfer *transfer) {
        CURL *curl = transfer->curl;

        return set(CURLOPT_ERRORBUFFER, transfer->error) &&
               set(CURLOPT_PREREQFUNCTION, before_sending) && set(CURLOPT_PREREQDATA, transfer) &&
               set(CURLOPT_HEADERFUNCTION, header_came) && set(CURLOPT_HEADERDATA, transfer) &&
               set(CURLOPT_WRITEFUNCTION, body_came) && set(CURLOPT_WRITEDATA, transfer);
}

bool transfer_add_header(struct transfer *transfer, const char *name, const char *value) {
        struct buffer line = BUFFER_INIT(SECRET_SIZE_MAX + 64);
        struct curl_slist *headers = NULL;

        buffer_append_text(&line, name);
        buffer_append_text(&line, value);
        buffer_append_char(&line, 0);
        if (buffer_error(&line) == 0)
                headers = curl_slist_append(transfer->headers, line.data);
        buffer_deinit(&line);
        if (headers)
                transfer->headers = headers;
        return headers != NULL;
}

bool transfer_init(struct transfer *transfer, const struct config_token *token,
                   const struct proxy *proxy, const char *url_key) {
        *transfer = (struct transfer){
                .token = token,
                .url_key = url_key,
                .body = BUFFER_INIT(TRANSFER_BODY_MAX + 1),
        };
        transfer->curl = curl_easy_init();
        return transfer->curl && way_set(transfer->curl, token, proxy) && set_callbacks(transfer) &&
               transfer_add_header(transfer, "Accept: ", "application/json");
}

void transfer_deinit(struct transfer *transfer) {
        curl_easy_cleanup(transfer->curl);
        for (struct curl_slist *header = transfer->headers; header; header = header->next)
                explicit_bzero(header->data, strlen(header->data));
        curl_slist_free_all(transfer->headers);
        buffer_deinit(&transfer->body);
}

/* A status that refuses is an answer, however little of its body came. */
static bool is_answer(const struct transfer *transfer, CURLcode code, long status) {
        if (status < 200 || status > 599)
                return false;
        return code == CURLE_OK || status >= 300 || transfer->body.size > TRANSFER_BODY_MAX;
}

/* HEADEROPT: nothing of the headers is for a proxy. */
int transfer_perform(struct transfer *transfer) {
        CURL *curl = transfer->curl;
        long status = 0;

        if (!set(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE) ||
            !set(CURLOPT_HTTPHEADER, transfer->headers))
                return -EIO;
        transfer->code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        return is_answer(transfer, transfer->code, status) ? (int)status : 0;
}

#undef set

/* Why there was no answer */

#define RETRIED "it is tried again"

/* "%s" stands for the setting that the URL is of. */
static const struct failure {
        CURLcode code;
        enum outcome_kind kind; /* if nothing was sent */
        const char *advice;
} failures[] = {
        {CURLE_ABORTED_BY_CALLBACK, OUTCOME_MISCONFIGURED, "check %s"},
        {CURLE_COULDNT_CONNECT, OUTCOME_FAILED, "check %s and the firewall, " RETRIED},
        {CURLE_COULDNT_RESOLVE_HOST, OUTCOME_FAILED, "check %s and DNS, " RETRIED},
        {CURLE_COULDNT_RESOLVE_PROXY, OUTCOME_FAILED, "check proxy and DNS, " RETRIED},
        {CURLE_INTERFACE_FAILED, OUTCOME_MISCONFIGURED, "check source_address"},
        {CURLE_OPERATION_TIMEDOUT, OUTCOME_FAILED, "the network or the endpoint is slow, " RETRIED},
        {CURLE_PEER_FAILED_VERIFICATION, OUTCOME_DENIED, "check %s and tls_ca_file"},
        {CURLE_PROXY, OUTCOME_FAILED, "check proxy, " RETRIED},
        {CURLE_SSL_CERTPROBLEM, OUTCOME_MISCONFIGURED, "check client_certificate and private_key"},
        {CURLE_SSL_CACERT_BADFILE, OUTCOME_MISCONFIGURED,
         "check tls_ca_file, or install ca-certificates"},
        {CURLE_SSL_CONNECT_ERROR, OUTCOME_FAILED, "check %s and its TLS, " RETRIED},
        {CURLE_SSL_INVALIDCERTSTATUS, OUTCOME_DENIED, "check %s and tls_ca_file"},
        {CURLE_SSL_ISSUER_ERROR, OUTCOME_DENIED, "check %s and tls_ca_file"},
        {CURLE_SSL_PINNEDPUBKEYNOTMATCH, OUTCOME_DENIED, "check %s and tls_pinned_key"},
        {CURLE_UNSUPPORTED_PROTOCOL, OUTCOME_MISCONFIGURED, "check %s"},
        {CURLE_URL_MALFORMAT, OUTCOME_MISCONFIGURED, "check %s"},
        {CURLE_OK, OUTCOME_FAILED, RETRIED}, /* every other */
};

/* It may be of another family than the endpoint's addresses are. */
static const struct failure failure_of_source = {
        CURLE_OK, OUTCOME_FAILED, "check %s, source_address and the firewall, " RETRIED};
static const struct failure failure_of_proxy = {CURLE_OK, OUTCOME_DENIED,
                                                "check proxy_user and proxy_password"};
static const struct failure failure_of_certificate = {CURLE_OK, OUTCOME_DENIED,
                                                      "check client_certificate and private_key"};

static const struct failure *failure_find(CURLcode code) {
        const struct failure *failure = failures;

        while (failure->code != CURLE_OK && failure->code != code)
                failure++;
        return failure;
}

/* By TLS 1.3 a client knows what it was refused for only once it reads the answer (RFC 8446 E.1.2),
 * and libcurl has the alert in its text alone. */
static bool is_certificate_refused(const struct transfer *transfer) {
        return transfer->shows_certificate && !transfer->why && strstr(transfer->error, " alert ");
}

/* A server that misbehaves after the request has nothing to do with the configuration. */
static const struct failure *failure_of(const struct transfer *transfer) {
        if (way_is_closed_by_proxy(transfer->curl))
                return &failure_of_proxy;
        if (is_certificate_refused(transfer))
                return &failure_of_certificate;
        if (transfer->code == CURLE_COULDNT_CONNECT && *transfer->token->source_address)
                return &failure_of_source;
        return failure_find(transfer->sent_at > 0 ? CURLE_OK : transfer->code);
}

/* The one "%s" that may be in TEXT. */
static void fill(const char *text, const char *word, char *ret_text, size_t size) {
        const char *place = strstr(text, "%s");
        int before = place ? (int)(place - text) : (int)strlen(text);

        snprintf(ret_text, size, "%.*s%s%s", before, text, place ? word : "",
                 place ? place + 2 : "");
}

void transfer_explain(const struct transfer *transfer, struct outcome *outcome) {
        const struct failure *failure = failure_of(transfer);
        const char *why = transfer->why      ? transfer->why
                          : *transfer->error ? transfer->error
                                             : curl_easy_strerror(transfer->code);
        char advice[100];

        fill(failure->advice, transfer->url_key, advice, sizeof advice);
        outcome->kind = failure->kind;
        outcome_explain(outcome, "%.160s: %s", why, advice);
}
