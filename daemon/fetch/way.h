/* SPDX-License-Identifier: MIT */
/* way - how curl gets to a token endpoint, or to an issuer: URL, source, proxy, TLS, timeouts. The
 * same for a request, for discovery, and for a look at the endpoint, which would else look at
 * something else. Who the client is there, is the request's alone.
 *
 * Verification is on; no redirect, cookie, netrc or environment proxy enters. */
#pragma once

#include <stdbool.h>

#include <curl/curl.h>

#include "base/slice.h"
#include "fetch/proxy.h"
#include "wire/config.h"

/* Before the first way, and behind the last. False: libcurl cannot start. */
bool way_begin(void);
void way_end(void);

/* By the token_url that TOKEN has. False: curl has refused a setting. */
bool way_set(CURL *curl, const struct config_token *token, const struct proxy *proxy);

/* Whether it is http, which the configuration allows to a loopback name alone. */
bool way_is_plain(const struct config_token *token);
/* Why nothing may be sent to the ADDRESS where the connection is; NULL: it may. */
const char *way_refusal(const struct config_token *token, const char *address);

/* Whether the proxy would not let CURL through without knowing who asks (RFC 9110 15.5.8). */
bool way_is_closed_by_proxy(CURL *curl);

/* The value of LINE, with its newline, if that is the header NAME (in lower case, with its colon);
 * or without data. */
struct slice way_header(struct slice line, const char *name);
