/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static char directory[] = "/tmp/test_file.XXXXXX";
static char path[64];

static int make_directory(void **state) {
        if (!mkdtemp(directory))
                return -1;
        snprintf(path, sizeof path, "%s/file", directory);
        return 0;
}

static int remove_directory(void **state) {
        return rmdir(directory);
}

static int remove_file(void **state) {
        return unlink(path);
}

static void write_file(size_t size) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        for (size_t i = 0; i < size; i++)
                assert_int_equal(putc((int)('a' + i % 26), file), 'a' + (int)(i % 26));
        assert_int_equal(fclose(file), 0);
}

static void test_size_at_the_limit_is_read_and_one_past_it_is_refused(void **state) {
        static const size_t limits[] = {0, 1, 4095, 4096, 4097, 10000};

        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                struct buffer content = BUFFER_INIT(0);

                write_file(limits[i]);
                assert_int_equal(file_read(path, limits[i], &content, NULL), 0);
                assert_int_equal(content.size, limits[i]);
                for (size_t j = 0; j < limits[i]; j++)
                        assert_int_equal(content.data[j], 'a' + j % 26);
                buffer_deinit(&content);

                write_file(limits[i] + 1);
                assert_int_equal(file_read(path, limits[i], &content, NULL), -EFBIG);
                assert_null(content.data);
        }
}

static void test_status_is_of_the_file_that_was_read(void **state) {
        struct buffer content;
        struct stat status;

        write_file(3);
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(file_read(path, 3, &content, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
        assert_int_equal(status.st_uid, geteuid());
        buffer_deinit(&content);
}

static void test_file_that_tells_no_size_is_read_whole(void **state) {
        struct buffer content;

        assert_int_equal(file_read("/proc/self/status", 65536, &content, NULL), 0);
        assert_true(content.size > 100);
        buffer_deinit(&content);
}

static void test_what_is_no_regular_file_is_refused_without_blocking(void **state) {
        struct buffer content;

        assert_int_equal(file_read(directory, 10, &content, NULL), -EISDIR);
        assert_int_equal(file_read("/dev/zero", 10, &content, NULL), -EINVAL);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(file_read(path, 10, &content, NULL), -EINVAL);
}

static void test_missing_file_is_told(void **state) {
        struct buffer content;

        assert_int_equal(file_read(path, 10, &content, NULL), -ENOENT);
        assert_string_equal(file_error(-ENOENT), "No such file or directory");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_size_at_the_limit_is_read_and_one_past_it_is_refused,
                                          remove_file),
                cmocka_unit_test_teardown(test_status_is_of_the_file_that_was_read, remove_file),
                cmocka_unit_test(test_file_that_tells_no_size_is_read_whole),
                cmocka_unit_test_teardown(test_what_is_no_regular_file_is_refused_without_blocking,
                                          remove_file),
                cmocka_unit_test(test_missing_file_is_told),
        };

        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
