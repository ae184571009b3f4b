/* SPDX-License-Identifier: MIT */
/* hash - FNV-1a, to spread keys over a table, and to tell damage: no protection from who chooses
 * them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_INIT UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_byte(uint64_t hash, unsigned char byte) {
        return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
        const unsigned char *bytes = data;

        for (size_t i = 0; i < size; i++)
                hash = hash_byte(hash, bytes[i]);
        return hash;
}

static inline uint64_t hash_text(uint64_t hash, const char *text) {
        for (; *text; text++)
                hash = hash_byte(hash, (unsigned char)*text);
        return hash;
}

/* One of N buckets. The last byte went through one multiplication alone. */
static inline size_t hash_bucket(uint64_t hash, size_t n) {
        hash = hash_byte(hash, 0);
        return (size_t)(hash ^ hash >> 32) % n;
}
