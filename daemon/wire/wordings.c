/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "wire/wordings.h"

#define WORD sizeof(uint64_t)

/* The WORD bytes at AT go into HASH, whose upper bits then depend on all that went in before. */
static uint64_t mix(uint64_t hash, const char *at) {
        uint64_t word;

        memcpy(&word, at, sizeof word);
        return (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* Knuth's golden ratio */
}

/* Of DATA, of WORD bytes at least. It spreads what workers send; who seeks for what collides makes
 * nobody slower than without a table. */
static uint64_t hash_of(struct slice data) {
        const char *at = data.data, *last = at + data.size - WORD;
        uint64_t hash = data.size;

        for (; at < last; at += WORD)
                hash = mix(hash, at);
        return mix(hash, last);
}

static size_t row_of(uint64_t hash) {
        return hash / (UINT64_MAX / WORDINGS_ROWS + 1);
}

static bool is_of_size(struct slice data) {
        return data.size >= WORD && data.size <= WORDING_SIZE_MAX;
}

static bool is_in(const struct wording *wording, uint64_t hash, struct slice data) {
        return wording->hash == hash && wording->size == data.size &&
               memcmp(wording->bytes, data.data, data.size) == 0;
}

const struct wording *wordings_find(const struct wordings *wordings, struct slice data) {
        const struct wordings_row *row;
        uint64_t hash;

        if (!is_of_size(data))
                return NULL;
        hash = hash_of(data);
        row = &wordings->rows[row_of(hash)];
        for (size_t i = 0; i < WORDINGS_PER_ROW; i++)
                if (is_in(&row->all[i], hash, data))
                        return &row->all[i];
        return NULL;
}

void wordings_keep(struct wordings *wordings, const struct http1_request *http,
                   const struct api_request *meaning) {
        struct wording *wording;
        struct wordings_row *row;
        uint64_t hash;

        if (!http->is_plain || !is_of_size(http->bytes))
                return;
        hash = hash_of(http->bytes);
        row = &wordings->rows[row_of(hash)];
        wording = &row->all[row->next++ % WORDINGS_PER_ROW];
        *wording = (struct wording){
                .hash = hash,
                .size = http->bytes.size,
                .keep_alive = http->keep_alive,
                .meaning = *meaning,
        };
        memcpy(wording->bytes, http->bytes.data, http->bytes.size);
}
