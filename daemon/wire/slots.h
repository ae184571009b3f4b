/* SPDX-License-Identifier: MIT */
/* slots - a text in memory that outlives its writer, who may die at any instruction.
 *
 *      magic, with the version  |  boot id  |  slot 0  |  slot 1
 *
 * One slot has the text, with a serial number and a checksum; the next text is written to the other
 * one, becomes the text by its serial number, and only then the one before is wiped. So a writer
 * that dies leaves either text whole, and what was replaced is gone. The memory is borrowed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define SLOTS_VERSION 1u

struct slots_boot {
        unsigned char id[16]; /* boot_id of random(4) */
};

/* Bytes that two texts of up to TEXT_MAX bytes need; TEXT_MAX is a multiple of 8. */
size_t slots_size(size_t text_max);

/* Makes SIZE bytes of MEMORY slots without a text. Only needed before the first slots_write(). */
void slots_format(void *memory, size_t size, const struct slots_boot *boot);

/* The text, which stays in MEMORY. 0; -ENODATA: there is none; -EPROTONOSUPPORT: of another
 * version; -ESTALE: of another boot; -EBADMSG: damaged. */
int slots_read(const void *memory, size_t size, const struct slots_boot *boot,
               struct slice *ret_text);

/* TEXT takes the place of what there was; it fits (slots_size()). */
void slots_write(void *memory, size_t size, struct slice text);
