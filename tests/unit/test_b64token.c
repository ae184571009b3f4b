/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/b64token.h"

/* clang-format off */
static const struct {
        struct slice text;
        bool valid;
} cases[] = {
        {SLICE_INIT("a"), true},
        {SLICE_INIT("a="), true},
        {SLICE_INIT("a=="), true},
        {SLICE_INIT("eyJh.b-c_d~e+f/0"), true},
        {SLICE_INIT(""), false},
        {SLICE_INIT("="), false},
        {SLICE_INIT("a=b"), false},
        {SLICE_INIT("a b"), false},
        {SLICE_INIT("a\n"), false},
        {SLICE_INIT("a\r\nX: y"), false},
        {SLICE_INIT("a\0"), false},
        {SLICE_INIT("a=\0"), false},
};
/* clang-format on */

static void test_a_token_is_of_its_alphabet_and_padded_at_its_end(void **state) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                if (is_b64token(cases[i].text) != cases[i].valid)
                        fail_msg("case %zu: %s", i, cases[i].text.data);
        assert_false(is_b64token((struct slice){NULL, 0}));
}

static void test_every_byte_is_of_the_alphabet_or_not(void **state) {
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";

        for (int byte = 0; byte < 256; byte++) {
                char c = (char)byte;

                assert_int_equal(is_b64token((struct slice){&c, 1}),
                                 memchr(alphabet, c, sizeof alphabet - 1) != NULL);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_token_is_of_its_alphabet_and_padded_at_its_end),
                cmocka_unit_test(test_every_byte_is_of_the_alphabet_or_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
