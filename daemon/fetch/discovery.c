/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/timespan.h"
#include "fetch/cache.h"
#include "fetch/discovery.h"
#include "fetch/shortage.h"
#include "fetch/transfer.h"
#include "wire/metadata.h"

#define KEPT_FOR (INT64_C(24) * 3600) /* seconds */

/* A search for one token's endpoint. */
struct search {
        const struct config_token *token;
        char url[DISCOVERY_URL_SIZE]; /* of the document */
        char *found;                  /* of URL_SIZE_MAX + 1 */
        struct outcome *outcome;
};

static const char *read_document(const struct search *search, struct slice document) {
        const struct config_token *token = search->token;

        return metadata_read(document, token->discovery, slice_of(token->issuer),
                             client_auth_is_tls(token->client_auth), search->found);
}

static int refuse(struct search *search, enum outcome_kind kind, const char *why,
                  const char *advice) {
        search->outcome->kind = kind;
        outcome_explain(search->outcome, "%.100s: %s: %s", search->url, why, advice);
        return -EINVAL;
}

static int take_status(struct search *search, int status) {
        char why[32];

        snprintf(why, sizeof why, "HTTP %d", status);
        if (status == 408 || status == 425 || status == 429 || status >= 500)
                return refuse(search, OUTCOME_FAILED, why, "it is tried again");
        return refuse(search, OUTCOME_DENIED, why, "check issuer and discovery");
}

static int take(struct search *search, int status, struct slice document) {
        const char *why;

        if (status != 200)
                return take_status(search, status);
        shortage_begin();
        why = read_document(search, document);
        if (why && shortage_or(0) < 0)
                return -ENOMEM;
        if (why)
                return refuse(search, OUTCOME_DENIED, why, "check issuer and discovery");
        cache_write(search->token->name, search->url, document);
        return 0;
}

static int ask(struct search *search, const struct proxy *proxy) {
        struct config_token way = discovery_way(search->token, search->url);
        struct transfer transfer;
        int r;

        r = transfer_init(&transfer, &way, proxy, "issuer") ? transfer_perform(&transfer) : -EIO;
        if (r > 0) {
                search->outcome->retry_after = transfer.retry_after;
                r = take(search, r, buffer_slice(&transfer.body));
        } else if (r == 0) {
                transfer_explain(&transfer, search->outcome);
                r = -EINVAL;
        } else {
                outcome_explain(search->outcome,
                                "libcurl refuses its settings, or memory is short");
                r = -EINVAL;
        }
        transfer_deinit(&transfer);
        return r;
}

/* Nobody would see it else: tokens are granted as before. */
static void tell_outdated(const struct search *search) {
        struct log_message message;

        log_begin(&message, MESSAGE_FETCH_OUTDATED);
        log_field(&message, "BEARERD_TOKEN", "%s", search->token->name);
        log_send(&message, "token %s: the issuer names no endpoint, the one before is used: %s",
                 search->token->name, search->outcome->message);
}

/* Whether what an issuer said before is to be used though it says nothing, or something else, now:
 * the endpoint itself knows best whether it is one still. What is wrong on this host would keep the
 * request from it as well. */
static bool is_needed(const struct search *search) {
        return search->outcome->kind == OUTCOME_FAILED || search->outcome->kind == OUTCOME_DENIED;
}

static int find(struct search *search, const struct proxy *proxy) {
        _cleanup_(buffer_deinit) struct buffer kept = BUFFER_INIT(0);
        int64_t age = cache_read(search->token->name, search->url, METADATA_SIZE_MAX, &kept);
        bool is_good = age >= 0 && !read_document(search, buffer_slice(&kept));
        int r;

        if (is_good && age < KEPT_FOR)
                return 0;
        r = ask(search, proxy);
        if (r != -EINVAL || !is_good || !is_needed(search))
                return r;
        tell_outdated(search);
        *search->outcome = OUTCOME_INIT;
        return read_document(search, buffer_slice(&kept)) ? -EINVAL : 0;
}

int discovery_url(const struct config_token *token, char ret_url[DISCOVERY_URL_SIZE]) {
        struct buffer url = BUFFER_INIT(DISCOVERY_URL_SIZE);
        int r;

        metadata_url(&url, token->discovery, slice_of(token->issuer));
        buffer_append_char(&url, 0);
        r = buffer_error(&url);
        if (r == 0)
                memcpy(ret_url, url.data, url.size);
        buffer_deinit(&url);
        return r < 0 ? -ENOMEM : 0;
}

/* What is pinned is the key of the token endpoint. */
struct config_token discovery_way(const struct config_token *token, char *url) {
        struct config_token way = *token;

        way.token_url = url;
        way.tls_pinned_key = strchr(token->tls_pinned_key, 0); /* none */
        way.timeout /= 2;
        way.connect_timeout = time_min(way.connect_timeout, way.timeout);
        return way;
}

int discovery_find(const struct config_token *token, const struct proxy *proxy,
                   char ret_url[URL_SIZE_MAX + 1], struct outcome *outcome) {
        struct search search = {.token = token, .found = ret_url, .outcome = outcome};
        int r = discovery_url(token, search.url);

        ret_url[0] = 0;
        return r < 0 ? r : find(&search, proxy);
}

void discovery_doubt(const struct config_token *token) {
        cache_age(token->name);
}
