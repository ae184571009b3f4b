/* SPDX-License-Identifier: MIT */
/* httpdate - a date as HTTP writes it (RFC 9110 5.6.7). No locale and no time zone enters. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/* Reads IMF-fixdate, and the obsolete forms of RFC 850 and asctime(3), into Unix time. The name of
 * the day of the week is not checked against the date. NOW (Unix time) says which century a year of
 * two digits is in. 0, or -EBADMSG. */
int httpdate_parse(struct slice text, int64_t now, int64_t *ret_time);
