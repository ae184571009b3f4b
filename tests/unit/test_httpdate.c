/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "wire/httpdate.h"

#define NOW INT64_C(1790000000) /* in September 2026 */

static void test_three_forms_are_read(void **state) {
        static const struct {
                const char *text;
                int64_t time;
        } rows[] = {
                {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777}, /* RFC 9110's own */
                {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
                {"Sun Nov  6 08:49:37 1994", 784111777},
                {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
                {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
                {"Sun Nov 16 08:49:37 1994", 784975777},
                {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
                {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
                {"Friday, 01-Jan-27 00:00:00 GMT", 1798761600},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                int64_t time = -2;

                assert_int_equal(httpdate_parse(slice_of(rows[i].text), NOW, &time), 0);
                assert_int_equal(time, rows[i].time);
        }
}

static void test_every_day_agrees_with_the_c_library(void **state) {
        for (int64_t day = 0; day < 60000; day++) {
                time_t time = (time_t)(day * 86400 + 3661);
                struct tm tm;
                char text[64];
                int64_t read = -1;

                assert_non_null(gmtime_r(&time, &tm));
                assert_true(strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
                assert_int_equal(httpdate_parse(slice_of(text), NOW, &read), 0);
                assert_int_equal(read, time);
        }
}

static void test_year_of_two_digits_is_within_fifty_years(void **state) {
        static const struct {
                const char *text;
                int64_t now, time;
        } rows[] = {
                {"Friday, 01-Jan-76 00:00:00 GMT", NOW, 3345062400},
                {"Friday, 01-Jan-77 00:00:00 GMT", NOW, 220924800},
                {"Friday, 01-Jan-01 00:00:00 GMT", 4070908800 /* 2099 */, 4133980800},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                int64_t time = -1;

                assert_int_equal(httpdate_parse(slice_of(rows[i].text), rows[i].now, &time), 0);
                assert_int_equal(time, rows[i].time);
        }
}

static void test_anything_else_is_refused(void **state) {
        static const char *const rows[] = {
                "Fri, 31 Dec 0000 23:59:59 GMT", /* there was no year 0 */
                "",
                "120",
                "Sun, 06 Nov 1994 08:49:37",
                "Sun, 06 Nov 1994 08:49:37 GMT ",
                "Sun, 06 Nov 1994 08:49:37 UTC",
                "Sun, 6 Nov 1994 08:49:37 GMT",
                "sun, 06 Nov 1994 08:49:37 GMT",
                "Son, 06 Nov 1994 08:49:37 GMT",
                "Sun, 06 Nov 1994 24:00:00 GMT",
                "Sun, 06 Nov 1994 08:60:00 GMT",
                "Sun, 06 Nov 1994 08:49:61 GMT",
                "Sun, 00 Nov 1994 08:49:37 GMT",
                "Sun, 31 Nov 1994 08:49:37 GMT",
                "Wed, 29 Feb 2023 12:00:00 GMT",
                "Thu, 29 Feb 2100 12:00:00 GMT",
                "Sun Nov 06 08:49:37 94",
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                int64_t time;

                assert_int_equal(httpdate_parse(slice_of(rows[i]), NOW, &time), -EBADMSG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_three_forms_are_read),
                cmocka_unit_test(test_every_day_agrees_with_the_c_library),
                cmocka_unit_test(test_year_of_two_digits_is_within_fifty_years),
                cmocka_unit_test(test_anything_else_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
