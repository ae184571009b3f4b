/* SPDX-License-Identifier: MIT */
/* form - names and values as in a query or a form body (application/x-www-form-urlencoded). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Takes the next pair off the front of *TEXT, undecoded; false: none is left. Without a "=" the
 * value is empty. Nothing between two "&" is no pair. */
bool form_next(struct slice *text, struct slice *ret_name, struct slice *ret_value);

/* Resolves "+" and "%XX". RET_TEXT may be NULL, for the length alone. The length; -EBADMSG: a "%"
 * without two hexadecimal digits; -ENOBUFS: longer than SIZE. */
ssize_t form_decode(struct slice text, char *ret_text, size_t size);

/* A space becomes "+", all but letters, digits and "*-._" becomes "%XX" (RFC 6749 appendix B). */
void form_encode(struct buffer *out, struct slice text);
