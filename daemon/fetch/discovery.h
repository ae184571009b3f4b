/* SPDX-License-Identifier: MIT */
/* discovery - the token endpoint of an issuer, by what that says of itself.
 *
 * Who asks once an hour need not ask where each time: what was said is kept for a day, in a file of
 * $CACHE_DIRECTORY (systemd.exec(5)), and for longer, with a warning, while the issuer names none.
 * Without such a directory nothing is kept. What is kept is read as strictly as what comes. */
#pragma once

#include "core/outcome.h"
#include "fetch/proxy.h"
#include "wire/config.h"
#include "wire/url.h"

#define DISCOVERY_URL_SIZE (URL_SIZE_MAX + 64)

/* Where TOKEN's issuer says it. 0; -ENOMEM. */
int discovery_url(const struct config_token *token, char ret_url[DISCOVERY_URL_SIZE]);
/* The way there: TOKEN's, to URL, which is borrowed, in half of its time. The rest is for the
 * request. */
struct config_token discovery_way(const struct config_token *token, char *url);

/* 0 with the token endpoint of TOKEN's issuer; -EINVAL: OUTCOME says why there is none; -ENOMEM. */
int discovery_find(const struct config_token *token, const struct proxy *proxy,
                   char ret_url[URL_SIZE_MAX + 1], struct outcome *outcome);

/* What was found was of no use: the next time it is asked for anew. */
void discovery_doubt(const struct config_token *token);
