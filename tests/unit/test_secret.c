/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/secret.h"

static char big[SECRET_SIZE_MAX + 1];

static void test_size_at_the_limit_fits_and_one_past_it_keeps_the_old(void **state) {
        struct secret secret = SECRET_INIT;

        assert_int_equal(secret_set(&secret, big, SECRET_SIZE_MAX), 0);
        assert_int_equal(secret.size, SECRET_SIZE_MAX);
        assert_int_equal(secret_set(&secret, big, SECRET_SIZE_MAX + 1), -E2BIG);
        assert_int_equal(secret.size, SECRET_SIZE_MAX);
        secret_deinit(&secret);
        assert_null(secret.data);
}

static void test_equal_looks_at_every_byte(void **state) {
        struct secret a = SECRET_INIT, b = SECRET_INIT;

        assert_true(secret_equal(&a, &b));
        assert_int_equal(secret_set(&a, "hunter2", 7), 0);
        assert_false(secret_equal(&a, &b));
        for (size_t i = 0; i < 7; i++) {
                assert_int_equal(secret_set(&b, "hunter2", 7), 0);
                assert_true(secret_equal(&a, &b));
                b.data[i] ^= 1;
                assert_false(secret_equal(&a, &b));
        }
        assert_int_equal(secret_set(&b, "hunter", 6), 0);
        assert_false(secret_equal(&a, &b));
        secret_deinit(&a);
        secret_deinit(&b);
}

static void test_move_empties_the_source(void **state) {
        struct secret a = SECRET_INIT, b = SECRET_INIT;

        assert_int_equal(secret_set(&a, "new", 3), 0);
        assert_int_equal(secret_set(&b, "old", 3), 0);
        secret_move(&b, &a);
        assert_null(a.data);
        assert_string_equal(b.data, "new");
        secret_move(&b, &b);
        assert_string_equal(b.data, "new");
        secret_deinit(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_size_at_the_limit_fits_and_one_past_it_keeps_the_old),
                cmocka_unit_test(test_equal_looks_at_every_byte),
                cmocka_unit_test(test_move_empties_the_source),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
