/* SPDX-License-Identifier: MIT */
/* way - how curl gets to a token endpoint: URL, proxy, TLS, timeouts. The same for a request and
 * for a look at the endpoint, which would else look at something else.
 *
 * Verification is on; no redirect, cookie, netrc or environment proxy enters. */
#pragma once

#include <stdbool.h>

#include <curl/curl.h>

#include "base/slice.h"
#include "wire/config.h"

/* Whether it is http, which the configuration allows to a loopback name alone. */
bool way_is_plain(const struct config_token *token);
/* Whether an address of a connection is one: such a name may still lead elsewhere. */
bool way_is_loopback(const char *address);

/* False: curl has refused a setting. */
bool way_set(CURL *curl, const struct config_token *token);

/* The value of LINE, with its newline, if that is the header NAME (in lower case, with its colon);
 * or without data. */
struct slice way_header(struct slice line, const char *name);
