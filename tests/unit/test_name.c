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
        {SLICE("a"), true},
        {SLICE("0"), true},
        {SLICE("athena"), true},
        {SLICE("a_b-c9"), true},
        {SLICE("a234567890123456789012345678901_"), true},
        {SLICE("a234567890123456789012345678901_2"), false},
        {SLICE(""), false},
        {SLICE("_a"), false},
        {SLICE("-a"), false},
        {SLICE("Athena"), false},
        {SLICE("aThena"), false},
        {SLICE("a.b"), false},
        {SLICE("a/b"), false},
        {SLICE("a b"), false},
        {SLICE("a\n"), false},
        {SLICE("a\0"), false},
        {SLICE("a\x80"), false},
        {SLICE("a`"), false},
        {SLICE("a{"), false},
        {SLICE("a:"), false},
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
