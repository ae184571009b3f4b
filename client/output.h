/* SPDX-License-Identifier: MIT */
/* output - what bearerctl writes to stdout, past stdio: no copy of a token stays in a buffer that
 * nobody wipes, and an error of write(2) or close(2) is one of bearerctl. */
#pragma once

#include "base/buffer.h"

/* Room for one token with everything around it, a long status, or what bearerd answers at most. */
#define OUTPUT_MAX ((size_t)1 << 23)

/* Whether stdout is there to be written to: 0; -errno, for who waits before he writes. */
int output_check(void);
/* Writes all of OUT. 0; -ENOBUFS, -ENOMEM: OUT is not whole; -errno. */
int output_write(const struct buffer *out);
/* The same, and closes stdout. */
int output_finish(const struct buffer *out);
