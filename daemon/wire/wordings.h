/* SPDX-License-Identifier: MIT */
/* wordings - requests for tokens that have come before, and what they mean: workers ask the same
 * again and again, in the same bytes, and those mean the same each time.
 *
 * Owns copies of plain requests alone (http1.h), since they stay here: nothing in them is anybody's
 * secret. A table of fixed size, in which each wording has one place, and who comes later takes it.
 * What is not in it is read as any other request; so it decides nothing. */
#pragma once

#include <stddef.h>

#include "base/slice.h"
#include "wire/api.h"
#include "wire/http1.h"

#define WORDINGS_MAX ((size_t)1024)
/* Bytes of one; a longer request is never found. */
#define WORDING_SIZE_MAX ((size_t)192)

struct wording {
        char bytes[WORDING_SIZE_MAX];
        size_t size; /* 0: there is none */
        enum http1_keep_alive keep_alive;
        struct api_request meaning;
};

struct wordings {
        struct wording all[WORDINGS_MAX];
};

/* What DATA means, if that is one request as a whole, and came before; or NULL. */
const struct wording *wordings_find(const struct wordings *wordings, struct slice data);

/* HTTP has MEANING. It is kept if it may be. */
void wordings_keep(struct wordings *wordings, const struct http1_request *http,
                   const struct api_request *meaning);
