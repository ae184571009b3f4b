/* SPDX-License-Identifier: MIT */
/* wordings - requests for tokens that have come before, and what they mean: workers ask the same
 * again and again, in the same bytes, and those mean the same each time.
 *
 * Owns copies of plain requests alone (http1.h), since they stay here: nothing in them is anybody's
 * secret. A table in rows: a wording can be in one row alone, and where that is full, who comes
 * later takes the place of who came first. There are as many rows as tokens, so that a bearerd of
 * few stays small, whatever it is asked. What is not in it is read as any other request; so it
 * decides nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/api.h"
#include "wire/http1.h"

/* Each of as many tokens as there are rows, asked for in one wording, is all but sure of a place.
 */
#define WORDINGS_ROWS_MIN ((size_t)16)
#define WORDINGS_ROWS_MAX ((size_t)1024)
#define WORDINGS_PER_ROW  ((size_t)4)
/* Bytes of one; a longer request is never found. */
#define WORDING_SIZE_MAX ((size_t)192)

struct wording {
        uint64_t hash; /* of the bytes */
        size_t size;   /* 0: there is none */
        char bytes[WORDING_SIZE_MAX];
        enum http1_keep_alive keep_alive;
        struct api_request meaning;
};

/* Zeroed, it keeps none. */
struct wordings {
        size_t n_rows;
        struct wordings_row {
                struct wording all[WORDINGS_PER_ROW];
                unsigned next; /* is taken next */
        } rows[WORDINGS_ROWS_MAX];
};

/* There are N_TOKENS from now on. */
void wordings_fit(struct wordings *wordings, size_t n_tokens);

/* What DATA means, if that is one request as a whole, and came before; or NULL. */
const struct wording *wordings_find(const struct wordings *wordings, struct slice data);

/* HTTP has MEANING. It is kept if it may be, and may come again: `after` has a generation, which
 * goes by. */
void wordings_keep(struct wordings *wordings, const struct http1_request *http,
                   const struct api_request *meaning);
