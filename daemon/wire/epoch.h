/* SPDX-License-Identifier: MIT */
/* epoch - the file in which bearerd publishes its epochs (core/epochs), and which workers map:
 * numbers alone, and no secret.
 *
 * It is never shorter than this, and never another one while somebody may have it mapped. Numbers
 * are of the host's byte order: it is read on the host alone. */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/epoch.h"

/* "bearerd1", on a little-endian host. */
#define EPOCH_MAGIC UINT64_C(0x3164726572616562)

/* Bytes of its path, which is absolute. */
#define EPOCH_PATH_MAX ((size_t)255)

struct epoch_page {
        _Atomic uint64_t magic; /* EPOCH_MAGIC, once all of it is there */
        _Atomic uint64_t last;  /* of those that were ever published here */
        uint64_t reserved[6];
        _Atomic uint64_t slots[EPOCH_SLOTS_MAX]; /* 0: no copy is good */
};

static_assert(sizeof(struct epoch_page) == 64 + 8 * EPOCH_SLOTS_MAX, "it is the same for everyone");
