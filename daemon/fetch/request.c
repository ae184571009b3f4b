/* SPDX-License-Identifier: MIT */
#include "fetch/request.h"
#include "fetch/pkcs11.h"
#include "fetch/transfer.h"
#include "wire/oauth.h"

#define FORM_MAX           ((size_t)65536)

#define set(option, value) (curl_easy_setopt(curl, option, value) == CURLE_OK)

/* A key that a token keeps for itself is one of the engine that credentials_load() has opened, and
 * given its PIN. */
static bool set_key(CURL *curl, const struct config_token *token,
                    const struct credentials *credentials) {
        struct curl_blob key = {credentials->private_key.data, credentials->private_key.size,
                                CURL_BLOB_NOCOPY};

        if (key.len > 0)
                return set(CURLOPT_SSLKEY_BLOB, &key);
        return set(CURLOPT_SSLENGINE, PKCS11_ENGINE) && set(CURLOPT_SSLKEYTYPE, "ENG") &&
               set(CURLOPT_SSLKEY, token->private_key);
}

/* For the endpoint alone: a proxy that asks for a certificate sees none. */
static bool set_certificate(CURL *curl, const struct config_token *token,
                            const struct credentials *credentials) {
        struct curl_blob certificate = {credentials->certificate.data,
                                        credentials->certificate.size, CURL_BLOB_NOCOPY};

        return certificate.len == 0 ||
               (set(CURLOPT_SSLCERT_BLOB, &certificate) && set_key(curl, token, credentials));
}

static bool add_headers(struct transfer *transfer, const struct config_token *token,
                        const struct credentials *credentials) {
        const struct secret *basic = &credentials->basic;

        if (basic->size > 0 && !transfer_add_header(transfer, "Authorization: ", basic->data))
                return false;
        for (char *const *header = token->headers.words; *header; header++)
                if (!transfer_add_header(transfer, "", *header))
                        return false;
        return transfer_add_header(transfer,
                                   "Content-Type: ", "application/x-www-form-urlencoded") &&
               transfer_add_header(transfer, "Expect:", "");
}

/* Not CURLOPT_USERPWD: curl would not form-urlencode. */
static bool set_content(struct transfer *transfer, const struct config_token *token,
                        const struct credentials *credentials, const struct buffer *form) {
        CURL *curl = transfer->curl;

        transfer->shows_certificate = credentials->certificate.size > 0;
        return buffer_error(form) == 0 && set_certificate(curl, token, credentials) &&
               add_headers(transfer, token, credentials) && set(CURLOPT_POST, 1L) &&
               set(CURLOPT_POSTFIELDSIZE, (long)form->size) && set(CURLOPT_POSTFIELDS, form->data);
}

#undef set

static void answer(const struct transfer *transfer, int status, const struct config_token *token,
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

        outcome->retry_after = transfer->retry_after;
        if (oauth_answer(status, buffer_slice(&transfer->body), &asked, outcome) < 0)
                outcome_explain(outcome, "out of memory");
}

void request_perform(const struct config_token *token, const struct credentials *credentials,
                     const struct proxy *proxy, const char *url_key, struct outcome *outcome) {
        struct oauth_form fields = credentials_form(token, credentials);
        struct buffer form = BUFFER_INIT(FORM_MAX);
        struct transfer transfer;
        int status = -1;

        oauth_form(&form, &fields);
        if (transfer_init(&transfer, token, proxy, url_key) &&
            set_content(&transfer, token, credentials, &form))
                status = transfer_perform(&transfer);
        outcome->sent_at = transfer.sent_at;
        outcome->sent = transfer.sent_at > 0;
        if (status > 0)
                answer(&transfer, status, token, credentials, url_key, outcome);
        else if (status == 0)
                transfer_explain(&transfer, outcome);
        else
                outcome_explain(outcome, "libcurl refuses its settings, or memory is short");
        transfer_deinit(&transfer);
        buffer_deinit(&form);
}
