/* SPDX-License-Identifier: MIT */
/* name - what a token may be called: [a-z0-9][a-z0-9_-]{0,31}. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define TOKEN_NAME_MAX ((size_t)32)

bool token_name_is_valid(struct slice name);
