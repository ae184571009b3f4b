/* SPDX-License-Identifier: MIT */
#include <errno.h>
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

#include "base/log.h"

/* What the journal got last, a line for each field. */
static char journal[8192];
static int journal_result;

int __wrap_sd_journal_sendv(const struct iovec *fields, int n);

int __wrap_sd_journal_sendv(const struct iovec *fields, int n) {
        size_t used = 0;

        for (int i = 0; i < n; i++) {
                assert_true(used + fields[i].iov_len + 2 < sizeof journal);
                memcpy(journal + used, fields[i].iov_base, fields[i].iov_len);
                used += fields[i].iov_len;
                journal[used++] = '\n';
        }
        journal[used] = 0;
        return journal_result;
}

/* An empty line, by which journald knows the unit (daemon/base/log.c). */
#define INTRODUCTION "\n"

#define RELOADED     "PRIORITY=6\nMESSAGE_ID=41de629f980c43a598379453b798b9c9\n"

/* A stderr of our own, which is the journal's stream or not. */
static FILE *begin(bool is_journal) {
        FILE *file = tmpfile();
        struct stat status;
        char stream[64];

        assert_non_null(file);
        assert_return_code(dup2(fileno(file), STDERR_FILENO), 0);
        assert_return_code(fstat(STDERR_FILENO, &status), 0);
        snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
                 (unsigned long long)status.st_ino + !is_journal);
        setenv("JOURNAL_STREAM", stream, 1);
        journal[0] = 0;
        journal_result = 0;
        log_open("program");
        return file;
}

static void assert_said(FILE *file, const char *expected) {
        char said[8192];
        size_t size;

        rewind(file);
        size = fread(said, 1, sizeof said - 1, file);
        said[size] = 0;
        assert_string_equal(said, expected);
        fclose(file);
}

static void send_one(void) {
        struct log_message message;

        log_begin(&message, MESSAGE_DENIED);
        log_field(&message, "BEARERD_TOKEN", "%s", "athena");
        log_send(&message, "token %s: %d", "athena", 403);
}

static void test_the_journal_gets_fields_where_stderr_is_its_stream(void **state) {
        FILE *file = begin(true);

        send_one();
        assert_string_equal(journal, "PRIORITY=3\n"
                                     "MESSAGE_ID=12e4becb26524d77b676afe955647a11\n"
                                     "BEARERD_TOKEN=athena\n"
                                     "MESSAGE=token athena: 403\n");
        assert_said(file, INTRODUCTION);
}

static void test_a_stderr_that_was_redirected_gets_a_line_with_its_priority(void **state) {
        FILE *file = begin(false);

        send_one();
        assert_string_equal(journal, "");
        assert_said(file, "<3>program: token athena: 403\n");
}

static void test_a_line_is_written_where_the_journal_takes_none(void **state) {
        FILE *file = begin(true);

        journal_result = -1;
        send_one();
        assert_said(file, INTRODUCTION "<3>program: token athena: 403\n");
}

static void test_fields_at_the_limit_are_kept_one_more_is_not_and_the_message_is(void **state) {
        FILE *file = begin(true);
        struct log_message message;
        char name[16], expected[1024] = RELOADED;

        log_begin(&message, MESSAGE_RELOADED);
        for (int i = 1; i <= LOG_FIELDS_MAX; i++) {
                snprintf(name, sizeof name, "F%d", i);
                log_field(&message, name, "%d", i);
                if (i < LOG_FIELDS_MAX - 1) /* two there are already */
                        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                                 "F%d=%d\n", i, i);
        }
        log_send(&message, "the end");
        strcat(expected, "MESSAGE=the end\n");
        assert_string_equal(journal, expected);
        assert_said(file, INTRODUCTION);
}

static void test_no_field_has_control_characters(void **state) {
        FILE *file = begin(true);
        struct log_message message;

        log_begin(&message, MESSAGE_RELOADED);
        log_field(&message, "A", "%s", "b\nC=d\x1b\x7f");
        log_send(&message, "one\ntwo");
        assert_string_equal(journal, RELOADED "A=b?C=d??\nMESSAGE=one?two\n");
        assert_said(file, INTRODUCTION);
}

static void test_no_line_has_control_characters(void **state) {
        FILE *file = begin(false);

        log_line(MESSAGE_RELOADED, "one\ntwo\x1b[31m");
        assert_said(file, "<6>program: one?two?[31m\n");
}

static void test_an_error_is_told_in_words_and_in_the_field_that_systemd_has_for_it(void **state) {
        FILE *file = begin(true);

        log_errno(MESSAGE_RELOADED, -ENOENT, "cannot");
        assert_string_equal(journal,
                            RELOADED "ERRNO=2\nMESSAGE=cannot: No such file or directory\n");
        assert_said(file, INTRODUCTION);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_journal_gets_fields_where_stderr_is_its_stream),
                cmocka_unit_test(test_a_stderr_that_was_redirected_gets_a_line_with_its_priority),
                cmocka_unit_test(test_a_line_is_written_where_the_journal_takes_none),
                cmocka_unit_test(
                        test_fields_at_the_limit_are_kept_one_more_is_not_and_the_message_is),
                cmocka_unit_test(test_no_field_has_control_characters),
                cmocka_unit_test(test_no_line_has_control_characters),
                cmocka_unit_test(
                        test_an_error_is_told_in_words_and_in_the_field_that_systemd_has_for_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
