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

/* The place of DATA, of WORD bytes at least. It spreads what workers send; who seeks for what
 * collides makes nobody slower than without a table. */
static size_t place_of(struct slice data) {
        const char *at = data.data, *last = at + data.size - WORD;
        uint64_t hash = data.size;

        for (; at < last; at += WORD)
                hash = mix(hash, at);
        return mix(hash, last) / (UINT64_MAX / WORDINGS_MAX + 1);
}

static bool is_of_size(struct slice data) {
        return data.size >= WORD && data.size <= WORDING_SIZE_MAX;
}

const struct wording *wordings_find(const struct wordings *wordings, struct slice data) {
        const struct wording *wording;

        if (!is_of_size(data))
                return NULL;
        wording = &wordings->all[place_of(data)];
        if (wording->size != data.size || memcmp(wording->bytes, data.data, data.size) != 0)
                return NULL;
        return wording;
}

void wordings_keep(struct wordings *wordings, const struct http1_request *http,
                   const struct api_request *meaning) {
        struct wording *wording;

        if (!http->is_plain || !is_of_size(http->bytes))
                return;
        wording = &wordings->all[place_of(http->bytes)];
        *wording = (struct wording){
                .size = http->bytes.size,
                .keep_alive = http->keep_alive,
                .meaning = *meaning,
        };
        memcpy(wording->bytes, http->bytes.data, http->bytes.size);
}
