/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/decimal.h"

static const struct {
        struct slice text;
        uint64_t max;
        int result;
        uint64_t value;
} cases[] = {
        {SLICE_INIT("0"), 0, 0, 0},
        {SLICE_INIT("1"), 0, -ERANGE, 0},
        {SLICE_INIT("9"), 5, -ERANGE, 0},
        {SLICE_INIT("60"), 60, 0, 60},
        {SLICE_INIT("61"), 60, -ERANGE, 0},
        {SLICE_INIT("600"), 60, -ERANGE, 0},
        {SLICE_INIT("100"), 9, -ERANGE, 0},
        {SLICE_INIT("0060"), 60, 0, 60},
        {SLICE_INIT("18446744073709551615"), UINT64_MAX, 0, UINT64_MAX},
        {SLICE_INIT("18446744073709551616"), UINT64_MAX, -ERANGE, 0},
        {SLICE_INIT("18446744073709551620"), UINT64_MAX, -ERANGE, 0},
        {SLICE_INIT("99999999999999999999999999"), UINT64_MAX, -ERANGE, 0},
        {SLICE_INIT(""), 60, -EINVAL, 0},
        {SLICE_INIT("+1"), 60, -EINVAL, 0},
        {SLICE_INIT("-1"), 60, -EINVAL, 0},
        {SLICE_INIT(" 1"), 60, -EINVAL, 0},
        {SLICE_INIT("1 "), 60, -EINVAL, 0},
        {SLICE_INIT("1\0"), 60, -EINVAL, 0},
        {SLICE_INIT("0x1"), 60, -EINVAL, 0},
        {SLICE_INIT("1e1"), 60, -EINVAL, 0},
        {SLICE_INIT("1.0"), 60, -EINVAL, 0},
        {SLICE_INIT("/"), 60, -EINVAL, 0},
        {SLICE_INIT(":"), 60, -EINVAL, 0},
        {SLICE_INIT("\xb1"), 60, -EINVAL, 0},
        {SLICE_INIT("999x"), 60, -EINVAL, 0},
};

static void test_digits_alone_are_a_number_up_to_its_limit(void **state) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                uint64_t value = 0;

                if (decimal_parse(cases[i].text, cases[i].max, &value) != cases[i].result ||
                    value != cases[i].value)
                        fail_msg("case %zu: %s", i, cases[i].text.data);
        }
}

static void test_rendered_numbers_have_no_leading_zero(void **state) {
        static const struct {
                uint64_t value;
                const char *text;
        } numbers[] = {
                {0, "0"},
                {9, "9"},
                {10, "10"},
                {UINT64_MAX, "18446744073709551615"},
        };

        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
                struct buffer buffer = BUFFER_INIT(20);

                decimal_render(&buffer, numbers[i].value);
                assert_true(slice_is(buffer_slice(&buffer), numbers[i].text));
                buffer_deinit(&buffer);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_digits_alone_are_a_number_up_to_its_limit),
                cmocka_unit_test(test_rendered_numbers_have_no_leading_zero),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
