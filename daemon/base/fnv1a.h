/* SPDX-License-Identifier: MIT */
/* fnv1a - FNV-1a of 64 bits: tells what was damaged or changed, not what somebody forged. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FNV1A_INIT UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv1a(uint64_t so_far, const void *data, size_t size) {
        const unsigned char *bytes = data;

        for (size_t i = 0; i < size; i++)
                so_far = (so_far ^ bytes[i]) * UINT64_C(0x100000001b3);
        return so_far;
}
