/* SPDX-License-Identifier: MIT */
/* bearerctl_usage - the help of bearerctl, and of each of its commands. */
#pragma once

extern const char usage_overview[];

extern const char usage_doctor[];
extern const char usage_exec[];
extern const char usage_get[];
extern const char usage_header[];
extern const char usage_help[];
extern const char usage_keygen[];
extern const char usage_metrics[];
extern const char usage_refresh[];
extern const char usage_renew[];
extern const char usage_status[];
extern const char usage_wait[];
extern const char usage_watch[];
extern const char usage_write[];
