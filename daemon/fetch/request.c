/* SPDX-License-Identifier: MIT */
#include "fetch/request.h"
#include "fetch/exchange.h"
#include "wire/oauth.h"

#define FORM_MAX           ((size_t)65536)

#define set(option, value) (curl_easy_setopt(curl, option, value) == CURLE_OK)

/* For the endpoint alone: a proxy that asks for a certificate sees none. */
static bool set_certificate(CURL *curl, const struct credentials *credentials) {
        struct curl_blob certificate = {credentials->certificate.data,
                                        credentials->certificate.size, CURL_BLOB_NOCOPY};
        struct curl_blob key = {credentials->private_key.data, credentials->private_key.size,
                                CURL_BLOB_NOCOPY};

        return certificate.len == 0 ||
               (set(CURLOPT_SSLCERT_BLOB, &certificate) && set(CURLOPT_SSLKEY_BLOB, &key));
}

static bool add_headers(struct exchange *exchange, const struct config_token *token,
                        const struct credentials *credentials) {
        const struct secret *basic = &credentials->basic;

        if (basic->size > 0 && !exchange_add_header(exchange, "Authorization: ", basic->data))
                return false;
        for (char *const *header = token->headers.words; *header; header++)
                if (!exchange_add_header(exchange, "", *header))
                        return false;
        return exchange_add_header(exchange,
                                   "Content-Type: ", "application/x-www-form-urlencoded") &&
               exchange_add_header(exchange, "Expect:", "");
}

/* Not CURLOPT_USERPWD: curl would not form-urlencode. */
static bool set_content(struct exchange *exchange, const struct config_token *token,
                        const struct credentials *credentials, const struct buffer *form) {
        CURL *curl = exchange->curl;

        exchange->shows_certificate = credentials->certificate.size > 0;
        return buffer_error(form) == 0 && set_certificate(curl, credentials) &&
               add_headers(exchange, token, credentials) && set(CURLOPT_POST, 1L) &&
               set(CURLOPT_POSTFIELDSIZE, (long)form->size) && set(CURLOPT_POSTFIELDS, form->data);
}

#undef set

static void answer(const struct exchange *exchange, int status, const struct config_token *token,
                   const struct credentials *credentials, const char *url_key,
                   struct outcome *outcome) {
        struct oauth_asked asked = {
                .url_key = url_key,
                .grant = token->grant,
                .client_auth = token->client_auth,
                .default_expires_in = token->default_expires_in / NSEC_PER_SEC,
                .secret = credentials->assertion.size > 0 ? &credentials->assertion
                                                          : &credentials->client_secret,
                .basic = &credentials->basic,
        };

        outcome->retry_after = exchange->retry_after;
        if (oauth_answer(status, buffer_slice(&exchange->body), &asked, outcome) < 0)
                outcome_explain(outcome, "out of memory");
}

void request_perform(const struct config_token *token, const struct credentials *credentials,
                     const struct proxy *proxy, const char *url_key, struct outcome *outcome) {
        struct oauth_form fields = credentials_form(token, credentials);
        struct buffer form = BUFFER_INIT(FORM_MAX);
        struct exchange exchange;
        int status = -1;

        oauth_form(&form, &fields);
        if (exchange_init(&exchange, token, proxy, url_key) &&
            set_content(&exchange, token, credentials, &form))
                status = exchange_perform(&exchange);
        outcome->sent_at = exchange.sent_at;
        outcome->sent = exchange.sent_at > 0;
        if (status > 0)
                answer(&exchange, status, token, credentials, url_key, outcome);
        else if (status == 0)
                exchange_explain(&exchange, outcome);
        else
                outcome_explain(outcome, "libcurl refuses its settings, or memory is short");
        exchange_deinit(&exchange);
        buffer_deinit(&form);
}
