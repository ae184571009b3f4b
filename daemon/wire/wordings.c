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

/* By its upper bits, as many as there are rows. */
static size_t row_of(const struct wordings *wordings, uint64_t hash) {
        return (hash >> 32) * wordings->n_rows >> 32;
}

static bool is_of_size(struct slice data) {
        return data.size >= WORD && data.size <= WORDING_SIZE_MAX;
}

static bool is_in(const struct wording *wording, uint64_t hash, struct slice data) {
        return wording->hash == hash && wording->size == data.size &&
               memcmp(wording->bytes, data.data, data.size) == 0;
}

void wordings_fit(struct wordings *wordings, size_t n_tokens) {
        size_t n_rows = WORDINGS_ROWS_MIN;

        while (n_rows < n_tokens && n_rows < WORDINGS_ROWS_MAX)
                n_rows *= 2;
        if (n_rows == wordings->n_rows)
                return;
        memset(wordings->rows, 0, wordings->n_rows * sizeof *wordings->rows);
        wordings->n_rows = n_rows;
}

const struct wording *wordings_find(const struct wordings *wordings, struct slice data) {
        const struct wordings_row *row;
        uint64_t hash;

        if (!is_of_size(data))
                return NULL;
        hash = hash_of(data);
        row = &wordings->rows[row_of(wordings, hash)];
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

        if (wordings->n_rows == 0 || !http->is_plain || meaning->after > 0 ||
            !is_of_size(http->bytes))
                return;
        hash = hash_of(http->bytes);
        row = &wordings->rows[row_of(wordings, hash)];
        wording = &row->all[row->next++ % WORDINGS_PER_ROW];
        *wording = (struct wording){
                .hash = hash,
                .size = http->bytes.size,
                .keep_alive = http->keep_alive,
                .meaning = *meaning,
        };
        memcpy(wording->bytes, http->bytes.data, http->bytes.size);
}
