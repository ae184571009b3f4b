/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

/* Every row: what is read of it as one character. */
static const struct {
        const char *text;
        size_t size;
} rows[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\x80", 0},
        {"\xbf", 0},
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xc2\x80", 2},
        {"\xc2", 0},
        {"\xc2\x7f", 0},
        {"\xdf\xbf", 2},
        {"\xe0\x9f\xbf", 0}, /* overlong */
        {"\xe0\xa0\x80", 3},
        {"\xe2\x82", 0},
        {"\xe2\x82\x41", 0},
        {"\xed\x9f\xbf", 3},
        {"\xed\xa0\x80", 0}, /* a surrogate */
        {"\xef\xbf\xbf", 3},
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0}, /* past U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
};

static void test_characters_are_told_from_other_bytes(void **state) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                assert_int_equal(utf8_size(rows[i].text, strlen(rows[i].text)), rows[i].size);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_characters_are_told_from_other_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
