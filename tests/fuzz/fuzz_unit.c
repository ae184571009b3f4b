/* SPDX-License-Identifier: MIT */
/* A pattern of units in the first line, a unit's name in the second. Beyond not crashing: matching
 * is what a plain table of all the ways says; a name matches itself; what is no pattern cannot be
 * one by being longer. */
#include "core/unit.h"
#include "fuzz.h"

/* Whether the first N characters of NAME are matched by what has been looked at of PATTERN, for all
 * N: row by row, with no going back. */
static bool matches(const char *pattern, const char *name) {
        size_t n = strlen(name);
        bool row[1024] = {true};

        HOLDS(n < sizeof row, "a name fits");
        for (; *pattern; pattern++) {
                for (size_t i = n; *pattern != '*' && i > 0; i--)
                        row[i] = row[i - 1] && name[i - 1] == *pattern;
                if (*pattern != '*')
                        row[0] = false;
                for (size_t i = 1; *pattern == '*' && i <= n; i++)
                        row[i] |= row[i - 1];
        }
        return row[n];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice name = input_of(data, size), pattern = take_line(&name);
        char *pattern_text, *name_text;

        if (size >= 1024)
                return 0;
        pattern_text = string_of(pattern, SIZE_MAX);
        name_text = string_of(name, SIZE_MAX);
        HOLDS(unit_matches(pattern_text, name_text) == matches(pattern_text, name_text),
              "two ways of matching say the same");
        if (unit_pattern_is_valid(pattern))
                HOLDS(pattern.size <= UNIT_NAME_MAX && is_printable(pattern) &&
                              !memchr(pattern.data, '/', pattern.size),
                      "a pattern is of what names are made of");
        if (unit_name_is_valid(name)) {
                HOLDS(name.size <= UNIT_NAME_MAX && is_printable(name) &&
                              !memchr(name.data, '/', name.size) &&
                              !memchr(name.data, '*', name.size),
                      "a name is of what names are made of");
                HOLDS(unit_pattern_is_valid(name) && unit_matches(name_text, name_text),
                      "a name is a pattern that matches itself");
                HOLDS(unit_matches("*", name_text), "everything matches anything");
        }
        free(pattern_text);
        free(name_text);
        return 0;
}
