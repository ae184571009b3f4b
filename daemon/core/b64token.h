/* SPDX-License-Identifier: MIT */
/* b64token - what a bearer token is made of, RFC 6750 2.1. It goes into a header as it is: nothing
 * else may be in it. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

bool is_b64token(struct slice text);
