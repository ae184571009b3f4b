/* SPDX-License-Identifier: MIT */
/* epoch - a number by which a worker tells whether the token that it keeps is still the one that it
 * would be given: it was given with a slot and an epoch, and is good as long as that slot has that
 * epoch. */
#pragma once

#include <stdint.h>

#define EPOCH_SLOTS_MAX 1024u

/* Epochs are below this: every language can read them as a number (RFC 8259 6). */
#define EPOCH_MAX (UINT64_C(1) << 53)

/* Slot of a token that has none, because there were no more: it is never kept. */
#define EPOCH_NO_SLOT UINT32_MAX
