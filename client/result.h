/* SPDX-License-Identifier: MIT */
/* result - what bearerd's refusals and failures are for the caller of bearer.h. */
#pragma once

#include "wire/http1.h"

/* BEARER_E_*, for a response that is no 200. */
int result_of_refusal(const struct http1_response *response);
/* BEARER_E_* for an error of the exchange that is an answer to the caller; others as they are. */
int result_of_error(int r);
