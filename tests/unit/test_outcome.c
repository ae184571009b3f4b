/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/outcome.h"

static void test_text_is_printable_ascii_without_quotes_or_backslashes(void **state) {
        static const struct {
                const char *text, *becomes;
        } rows[] = {
                {"", ""},
                {"invalid_client", "invalid_client"},
                {"say \"no\"", "say 'no'"},
                {"C:\\x", "C:/x"},
                {"  two\r\n\t lines \n", "two lines"},
                {"nicht g\xc3\xbcltig", "nicht g?ltig"},
                {"\x1b[31mred\x7f", "?[31mred?"},
                {"\xf0\x9f\x94\x91", "?"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char text[64];

                outcome_text(text, sizeof text, slice_of(rows[i].text));
                assert_string_equal(text, rows[i].becomes);
        }
}

static void test_nul_is_no_end(void **state) {
        char text[16];

        outcome_text(text, sizeof text, SLICE("a\0b"));
        assert_string_equal(text, "a?b");
}

static void test_text_at_the_limit_is_whole_and_one_past_it_is_cut(void **state) {
        char text[11];

        outcome_text(text, sizeof text, SLICE("1234567890"));
        assert_string_equal(text, "1234567890");
        outcome_text(text, sizeof text, SLICE("12345678901"));
        assert_string_equal(text, "1234567...");
        outcome_text(text, sizeof text, SLICE("1234567890 "));
        assert_string_equal(text, "1234567...");
}

static void test_explanation_is_cut_however_long(void **state) {
        struct outcome outcome = OUTCOME_INIT;
        char text[5000];

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = 0;
        outcome_explain(&outcome, "%d %s", 7, text);
        assert_int_equal(strlen(outcome.message), OUTCOME_MESSAGE_MAX);
        assert_memory_equal(outcome.message, "7 xxx", 5);
        assert_string_equal(outcome.message + OUTCOME_MESSAGE_MAX - 4, "x...");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_is_printable_ascii_without_quotes_or_backslashes),
                cmocka_unit_test(test_nul_is_no_end),
                cmocka_unit_test(test_text_at_the_limit_is_whole_and_one_past_it_is_cut),
                cmocka_unit_test(test_explanation_is_cut_however_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
