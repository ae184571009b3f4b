/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

static void test_append_at_the_limit_fits_and_one_past_it_is_remembered(void **state) {
        struct buffer buffer = BUFFER_INIT(8);

        buffer_append(&buffer, "12345678", 8);
        assert_int_equal(buffer_error(&buffer), 0);
        buffer_append(&buffer, "9", 1);
        assert_int_equal(buffer_error(&buffer), -ENOBUFS);
        assert_int_equal(buffer.size, 8);
        buffer_consume(&buffer, 8);
        buffer_append(&buffer, "x", 1);
        assert_int_equal(buffer_error(&buffer), -ENOBUFS);
        assert_int_equal(buffer.size, 0);
        buffer_clear(&buffer);
        buffer_append(&buffer, "x", 1);
        assert_int_equal(buffer_error(&buffer), 0);
        assert_int_equal(buffer.size, 1);
        buffer_deinit(&buffer);
}

static void test_growing_keeps_what_is_there(void **state) {
        struct buffer buffer = BUFFER_INIT(100000);

        for (int i = 0; i < 10000; i++)
                buffer_printf(&buffer, "%04d", i);
        assert_int_equal(buffer_error(&buffer), 0);
        assert_int_equal(buffer.size, 40000);
        assert_memory_equal(buffer.data, "00000001", 8);
        assert_memory_equal(buffer.data + 39996, "9999", 4);
        buffer_consume(&buffer, 39996);
        assert_true(slice_is(buffer_slice(&buffer), "9999"));
        buffer_deinit(&buffer);
        assert_null(buffer.data);
}

static void test_consumed_and_cleared_bytes_are_wiped(void **state) {
        struct buffer buffer = BUFFER_INIT(64);
        char nothing[6] = {0};

        buffer_append_text(&buffer, "secret");
        buffer_append_text(&buffer, "!");
        buffer_consume(&buffer, 6);
        assert_memory_equal(buffer.data, "!", 1);
        assert_memory_equal(buffer.data + 1, nothing, 6);
        buffer_clear(&buffer);
        assert_memory_equal(buffer.data, nothing, 1);
        buffer_deinit(&buffer);
}

static void test_a_text_too_long_for_printf_is_an_error_not_a_cut(void **state) {
        struct buffer buffer = BUFFER_INIT(10000);
        char text[600];

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = 0;
        buffer_printf(&buffer, "%s", text);
        assert_int_equal(buffer_error(&buffer), -ENOBUFS);
        assert_int_equal(buffer.size, 0);
        buffer_deinit(&buffer);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_append_at_the_limit_fits_and_one_past_it_is_remembered),
                cmocka_unit_test(test_growing_keeps_what_is_there),
                cmocka_unit_test(test_consumed_and_cleared_bytes_are_wiped),
                cmocka_unit_test(test_a_text_too_long_for_printf_is_an_error_not_a_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
