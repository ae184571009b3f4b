/* SPDX-License-Identifier: MIT */
/* route - which of the paths that a socket has a request is for. Each socket has its table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/name.h"
#include "wire/http1.h"
#include "wire/response.h"

struct route {
        bool is_named; /* PATH is what follows "/v1/tokens/NAME" */
        const char *path;
        const char *method;
};

/* What HTTP is for, in a table of N elements of SIZE bytes, each of which begins with its route;
 * TABLE is that of the first one. *RET_NAME is the name in its path, or "". NULL: *RET_ERROR has
 * the answer; KNOWN tells the paths that there are. */
const void *route_find(const struct http1_request *http, const struct route *table, size_t size,
                       size_t n, const char *known, char ret_name[TOKEN_NAME_MAX + 1],
                       struct api_error *ret_error);
