/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/name.h"

static const struct {
        struct slice name;
        bool valid;
} cases[] = {
        {SLICE_INIT("a"), true},
        {SLICE_INIT("0"), true},
        {SLICE_INIT("athena"), true},
        {SLICE_INIT("a_b-c9"), true},
        {SLICE_INIT("a234567890123456789012345678901_"), true},
        {SLICE_INIT("a234567890123456789012345678901_2"), false},
        {SLICE_INIT(""), false},
        {SLICE_INIT("_a"), false},
        {SLICE_INIT("-a"), false},
        {SLICE_INIT("Athena"), false},
        {SLICE_INIT("aThena"), false},
        {SLICE_INIT("a.b"), false},
        {SLICE_INIT("a/b"), false},
        {SLICE_INIT("a b"), false},
        {SLICE_INIT("a\n"), false},
        {SLICE_INIT("a\0"), false},
        {SLICE_INIT("a\x80"), false},
        {SLICE_INIT("a`"), false},
        {SLICE_INIT("a{"), false},
        {SLICE_INIT("a:"), false},
};

static void test_a_name_is_of_its_alphabet_and_length(void **state) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                if (token_name_is_valid(cases[i].name) != cases[i].valid)
                        fail_msg("case %zu: %s", i, cases[i].name.data);
        assert_false(token_name_is_valid((struct slice){NULL, 0}));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_name_is_of_its_alphabet_and_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
