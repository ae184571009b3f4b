/* SPDX-License-Identifier: MIT */
/* decimal - whole numbers as digits, and nothing but digits: no sign, no space, no other base. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

/* 0; -EINVAL: empty, or not of digits alone; -ERANGE: more than MAX. */
int decimal_parse(struct slice text, uint64_t max, uint64_t *ret_value);

void decimal_render(struct buffer *out, uint64_t value);
