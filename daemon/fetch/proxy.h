/* SPDX-License-Identifier: MIT */
/* proxy - who we are for the proxy, if it wants to know. */
#pragma once

#include "base/secret.h"
#include "core/outcome.h"
#include "wire/config.h"

struct proxy {
        struct secret user, password; /* empty: it does not */
};

#define PROXY_INIT ((struct proxy){0})

void proxy_deinit(struct proxy *proxy);
/* Reads what proxy_user and proxy_password of TOKEN refer to. As credentials_load(). */
int proxy_load(const struct config_token *token, struct proxy *ret_proxy, struct outcome *outcome);
