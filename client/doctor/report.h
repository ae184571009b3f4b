/* SPDX-License-Identifier: MIT */
/* report - what the doctor has found: a line for each check, or all of it as JSON at the end.
 *
 * Whatever is told, it is shown as printable ASCII: what endpoints and certificates say is in it.
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "wire/json.h"

#define REPORT_MAX ((size_t)1 << 20)

/* The token request that the doctor has bearerd make. */
enum request {
        REQUEST_NONE,
        REQUEST_MADE,
        REQUEST_FOLLOWS, /* bearerd makes it later */
};

struct report {
        bool is_json;
        struct buffer json;
        struct json_writer writer;
        bool is_wrong;
        unsigned n_skipped;
        int error; /* of stdout */
};

void report_begin(struct report *report, bool is_json);
void report_deinit(struct report *report);

/* What is good, and why something was not looked at. True: the doctor goes on. */
bool report_ok(struct report *report, const char *check, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
bool report_skip(struct report *report, const char *check, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* What may well be wrong, or will be; MEND may be NULL. True as well. */
bool report_warn(struct report *report, const char *check, const char *mend, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
/* What is wrong, and how it is mended. False: the doctor stops there. */
bool report_wrong(struct report *report, const char *check, const char *mend, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* With what was spent. 0; -errno of stdout. */
int report_end(struct report *report, enum request request);
