/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

static void test_case_is_ignored_for_ascii_letters_alone(void **state) {
        for (int a = 0; a < 256; a++) {
                for (int b = 1; b < 256; b++) {
                        char one[] = {(char)a}, other[] = {(char)b, 0};
                        int lower_a = a >= 'A' && a <= 'Z' ? a + 32 : a;
                        int lower_b = b >= 'A' && b <= 'Z' ? b + 32 : b;

                        if (slice_is_nocase((struct slice){one, 1}, other) != (lower_a == lower_b))
                                fail_msg("%d and %d", a, b);
                }
        }
        assert_false(slice_is_nocase(SLICE("close"), "closed"));
        assert_true(slice_is_nocase((struct slice){NULL, 0}, ""));
        assert_true(slice_is((struct slice){NULL, 0}, ""));
        assert_false(slice_is((struct slice){NULL, 0}, "a"));
}

static void test_trimming_takes_spaces_and_tabs_from_both_ends(void **state) {
        assert_true(slice_is(slice_trim(SLICE(" \ta b\t ")), "a b"));
        assert_true(slice_is(slice_trim(SLICE("a")), "a"));
        assert_true(slice_is(slice_trim(SLICE("\na\v")), "\na\v"));
        assert_int_equal(slice_trim(SLICE(" \t ")).size, 0);
        assert_int_equal(slice_trim((struct slice){NULL, 0}).size, 0);
}

static void test_cutting_goes_piece_by_piece_to_the_end(void **state) {
        struct slice text = SLICE("a,,bc,"), piece;

        assert_true(slice_cut(&text, ',', &piece));
        assert_true(slice_is(piece, "a"));
        assert_true(slice_cut(&text, ',', &piece));
        assert_true(slice_is(piece, ""));
        assert_true(slice_cut(&text, ',', &piece));
        assert_true(slice_is(piece, "bc"));
        assert_false(slice_cut(&text, ',', &piece));
        text = SLICE("abc");
        assert_true(slice_cut(&text, ',', &piece));
        assert_true(slice_is(piece, "abc"));
        assert_false(slice_cut(&text, ',', &piece));
        text = (struct slice){NULL, 0};
        assert_false(slice_cut(&text, ',', &piece));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_case_is_ignored_for_ascii_letters_alone),
                cmocka_unit_test(test_trimming_takes_spaces_and_tabs_from_both_ends),
                cmocka_unit_test(test_cutting_goes_piece_by_piece_to_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
