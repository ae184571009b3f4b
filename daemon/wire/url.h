/* SPDX-License-Identifier: MIT */
/* url - the few URLs that a configuration may hold, and no more of RFC 3986 than those.
 *
 * No library reads them, because the question is not what a URL might mean but whether every reader
 * understands it alike: what is checked here is connected to by libcurl. So all that programs are
 * known to differ on is refused: user information (or any "@"), backslashes, white space, bytes
 * beyond ASCII, a fragment, a query without a path, a trailing dot, a port of no digits, IPv4
 * addresses in less than four decimal numbers, zone identifiers, schemes in capitals. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define URL_SIZE_MAX 2048

struct url {
        bool is_https;     /* or http */
        bool is_loopback;  /* localhost, 127.0.0.0/8, [::1] */
        struct slice host; /* as written, an IPv6 address in its brackets */
        unsigned port;     /* 0: not said */
        struct slice path; /* with the query; empty, or begins with "/" */
};

/* The result points into TEXT. 0, or -EINVAL. */
int url_parse(struct slice text, struct url *ret_url);
