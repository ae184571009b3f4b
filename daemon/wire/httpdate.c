/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/httpdate.h"

#define SECONDS_PER_DAY INT64_C(86400)

struct date {
        unsigned year, month, day, hour, minute, second; /* month from 0, day from 1 */
        bool is_short_year;
};

static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday",    NULL};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                     "Aug", "Sep", "Oct", "Nov", "Dec", NULL};

static bool skip(struct slice *text, size_t size) {
        text->data += size;
        text->size -= size;
        return true;
}

static bool take_number(struct slice *text, size_t digits, unsigned *ret_number) {
        unsigned number = 0;

        if (text->size < digits)
                return false;
        for (size_t i = 0; i < digits; i++) {
                if (text->data[i] < '0' || text->data[i] > '9')
                        return false;
                number = number * 10 + (unsigned)(text->data[i] - '0');
        }
        *ret_number = number;
        return skip(text, digits);
}

/* One of NAMES, whole if SIZE is 0, or its first SIZE letters. */
static bool take_name(struct slice *text, const char *const *names, size_t size,
                      unsigned *ret_index) {
        for (unsigned i = 0; names[i]; i++) {
                size_t length = size ? size : strlen(names[i]);

                if (text->size >= length && memcmp(text->data, names[i], length) == 0) {
                        *ret_index = i;
                        return skip(text, length);
                }
        }
        return false;
}

/* As strptime(3), but of ASCII alone and with nothing optional: %a and %A a day's name, %b a
 * month's, %d and %e the day ("06", " 6"), %H %M %S, %y and %Y. */
static bool take_field(struct slice *text, char field, struct date *date) {
        unsigned weekday;

        switch (field) {
        case 'a':
                return take_name(text, days, 3, &weekday);
        case 'A':
                return take_name(text, days, 0, &weekday);
        case 'b':
                return take_name(text, months, 0, &date->month);
        case 'd':
                return take_number(text, 2, &date->day);
        case 'e':
                if (text->size > 0 && text->data[0] == ' ')
                        return skip(text, 1) && take_number(text, 1, &date->day);
                return take_number(text, 2, &date->day);
        case 'H':
                return take_number(text, 2, &date->hour);
        case 'M':
                return take_number(text, 2, &date->minute);
        case 'S':
                return take_number(text, 2, &date->second);
        case 'y':
                date->is_short_year = true;
                return take_number(text, 2, &date->year);
        case 'Y':
                return take_number(text, 4, &date->year);
        default:
                return false;
        }
}

static bool date_matches(struct slice text, const char *pattern, struct date *ret_date) {
        struct date date = {0};

        for (; *pattern; pattern++) {
                if (*pattern == '%') {
                        if (!take_field(&text, *++pattern, &date))
                                return false;
                } else if (text.size == 0 || text.data[0] != *pattern) {
                        return false;
                } else {
                        skip(&text, 1);
                }
        }
        *ret_date = date;
        return text.size == 0;
}

static unsigned month_days(unsigned year, unsigned month) {
        static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        return lengths[month] + (month == 1 && is_leap);
}

/* A second of 60 is a leap second; before the year 1 was none of this calendar. */
static bool date_is_valid(const struct date *date) {
        return date->year >= 1 && date->day >= 1 &&
               date->day <= month_days(date->year, date->month) && date->hour <= 23 &&
               date->minute <= 59 && date->second <= 60;
}

static int64_t days_before_year(int64_t year) {
        int64_t past = year - 1;

        return past * 365 + past / 4 - past / 100 + past / 400;
}

static int64_t date_seconds(const struct date *date) {
        int64_t day = days_before_year(date->year) - days_before_year(1970) + date->day - 1;

        for (unsigned month = 0; month < date->month; month++)
                day += month_days(date->year, month);
        return day * SECONDS_PER_DAY + date->hour * INT64_C(3600) + date->minute * INT64_C(60) +
               date->second;
}

/* "A timestamp that appears to be more than 50 years in the future" is of the most recent year in
 * the past with the same last two digits (RFC 9110 5.6.7). */
static void date_complete_year(struct date *date, int64_t now) {
        unsigned this_year = (unsigned)(1970 + now / (SECONDS_PER_DAY * 146097 / 400));

        date->year += this_year / 100 * 100;
        if (date->year + 50 <= this_year)
                date->year += 100;
        else if (date->year > this_year + 50)
                date->year -= 100;
}

int httpdate_parse(struct slice text, int64_t now, int64_t *ret_time) {
        static const char *const patterns[] = {
                "%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
                "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
                "%a %b %e %H:%M:%S %Y",      /* asctime(3) */
        };
        struct date date;

        for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
                if (!date_matches(text, patterns[i], &date))
                        continue;
                if (date.is_short_year)
                        date_complete_year(&date, now);
                if (!date_is_valid(&date))
                        return -EBADMSG;
                *ret_time = date_seconds(&date);
                return 0;
        }
        return -EBADMSG;
}
