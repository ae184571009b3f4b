/* SPDX-License-Identifier: MIT */
/* A value of Retry-After, seconds or a date in any of HTTP's three forms. Beyond not crashing:
 * never more than a day; digits are what they say; strptime(3) and timegm(3) read the same date; a
 * date that is written anew, in all three forms, is the same. */
#include <errno.h>
#include <time.h>

#include "base/decimal.h"
#include "fuzz.h"
#include "wire/httpdate.h"
#include "wire/oauth.h"

static const int64_t times[] = {0, 951782400, 1790000000, 4102444799, 253402300799};

#define FORMS 3

static const char *const forms[FORMS] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
};

static void date_write(unsigned form, char *ret_text, size_t size, const struct tm *tm) {
        size_t n = 0;
        char *year;

        switch (form) {
        case 0:
                n = strftime(ret_text, size, "%a, %d %b %Y %H:%M:%S GMT", tm);
                break;
        case 1:
                n = strftime(ret_text, size, "%A, %d-%b-__ %H:%M:%S GMT", tm);
                year = strchr(ret_text, '_');
                year[0] = (char)('0' + tm->tm_year % 100 / 10);
                year[1] = (char)('0' + tm->tm_year % 10);
                break;
        case 2:
                n = strftime(ret_text, size, "%a %b %e %H:%M:%S %Y", tm);
                break;
        }
        HOLDS(n > 0, "a date can be written");
}

/* A century that is not written is the caller's, by the time that it is. */
static bool agrees_but_for_century(struct tm tm, int64_t time) {
        time_t at = time - 1; /* the second before: a leap second begins the next year */
        unsigned written = (unsigned)(tm.tm_year + 1900) % 100;
        struct tm ours;

        HOLDS(gmtime_r(&at, &ours), "a date is one");
        for (int year = ours.tm_year; year <= ours.tm_year + 1; year++) {
                struct tm copy = tm;

                copy.tm_year = year;
                if ((unsigned)(year + 1900) % 100 == written && timegm(&copy) == time)
                        return true;
        }
        return false;
}

/* glibc's reading: it takes more than ours, but must agree on what ours takes. */
static bool libc_agrees(const char *text, int64_t time, bool *ret_is_short) {
        for (unsigned i = 0; i < FORMS; i++) {
                struct tm tm = {0};
                const char *end = strptime(text, forms[i], &tm);

                if (!end || *end)
                        continue;
                *ret_is_short = i == 1;
                return i == 1 ? agrees_but_for_century(tm, time) : timegm(&tm) == time;
        }
        return false;
}

static void check_rewritten(int64_t time) {
        struct tm tm;
        char text[64];
        time_t at = time;

        HOLDS(gmtime_r(&at, &tm), "a date is one");
        if (tm.tm_year + 1900 > 9999)
                return; /* by a leap second */
        for (unsigned i = 0; i < FORMS; i++) {
                int64_t again = -1;

                if (tm.tm_year + 1900 < 1000 && i != 1)
                        continue; /* %Y has no leading zeros */
                date_write(i, text, sizeof text, &tm);
                HOLDS(httpdate_parse(slice_of(text), time, &again) == 0 && again == time,
                      "a date that is written anew is the same");
        }
}

static void check_date(struct slice value, int64_t now) {
        char *text = string_of(value, SIZE_MAX);
        int64_t time = -4711;
        bool is_short = false;
        int r = httpdate_parse(value, now, &time);

        HOLDS(r == 0 || r == -EBADMSG, "it is a date, or it is not");
        if (r < 0) {
                HOLDS(time == -4711, "results are written on success only");
        } else {
                HOLDS(value.size == strlen(text), "a date has no NUL");
                HOLDS(libc_agrees(text, time, &is_short), "two readers find the same date");
                HOLDS(!is_short || llabs(time - now) <= 51 * 366 * INT64_C(86400),
                      "a short year is within fifty years");
                if (time >= 0)
                        check_rewritten(time);
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice value = input_of(data, size);
        uint64_t number;
        int r = decimal_parse(slice_trim(value), UINT64_MAX, &number);

        for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
                uint64_t seconds = oauth_retry_after(value, times[i]);
                int64_t time;

                HOLDS(seconds <= OAUTH_RETRY_AFTER_MAX, "patience ends");
                if (r != -EINVAL)
                        HOLDS(seconds == (r == 0 && number < OAUTH_RETRY_AFTER_MAX
                                                  ? number
                                                  : OAUTH_RETRY_AFTER_MAX),
                              "seconds are what they say");
                else if (httpdate_parse(slice_trim(value), times[i], &time) < 0 || time < times[i])
                        HOLDS(seconds == 0, "what is unreadable, or over, is nothing");
                else if (seconds < OAUTH_RETRY_AFTER_MAX)
                        HOLDS((int64_t)seconds == time - times[i], "a date is when it says");
                check_date(value, times[i]);
        }
        return 0;
}
