/* SPDX-License-Identifier: MIT */
/* utf8 - whether bytes are UTF-8 (RFC 3629). */
#pragma once

#include <stddef.h>

/* The size of the character at TEXT, of which LEFT bytes are there, at least one; 0: it is none. */
size_t utf8_size(const char *text, size_t left);
