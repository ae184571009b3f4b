/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/datagram.h"
#include "base/log.h"
#include "base/timespan.h"

/* journald, of our own: it gets what is meant for the one of the host. */
static struct {
        char path[64];
        int fd;
} journald = {.path = "/tmp/test-log-XXXXXX", .fd = -1};

int __real_datagram_send(int fd, const char *path, struct slice message, int passed, int flags);
int __wrap_datagram_send(int fd, const char *path, struct slice message, int passed, int flags);

int __wrap_datagram_send(int fd, const char *path, struct slice message, int passed, int flags) {
        assert_string_equal(path, "/run/systemd/journal/socket");
        assert_int_equal(passed, -1);
        return __real_datagram_send(fd, journald.path, message, -1, flags);
}

/* What the journal got next; "" if nothing. */
static const char *journal(void) {
        static char text[8192];
        ssize_t size = recv(journald.fd, text, sizeof text - 1, 0);

        text[size > 0 ? size : 0] = 0;
        return text;
}

static int set_up_all(void **state) {
        return mkdtemp(journald.path) ? 0 : -1;
}

static int tear_down_all(void **state) {
        return rmdir(journald.path);
}

static int setup(void **state) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        strcat(journald.path, "/socket");
        strcpy(address.sun_path, journald.path);
        journald.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        return bind(journald.fd, (struct sockaddr *)&address, sizeof address);
}

static int teardown(void **state) {
        unlink(journald.path);
        *strrchr(journald.path, '/') = 0;
        return journald.fd >= 0 ? close(journald.fd) : 0;
}

/* From now on, nobody is there. */
static void end_journald(void) {
        close(journald.fd);
        journald.fd = -1;
}

/* An empty line, by which journald knows the unit (daemon/base/log.c). */
#define INTRODUCTION "\n"

#define PROGRAM      "SYSLOG_IDENTIFIER=program\n"

#define RELOADED     "PRIORITY=6\nMESSAGE_ID=41de629f980c43a598379453b798b9c9\n" PROGRAM

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
        assert_string_equal(journal(), "PRIORITY=3\n"
                                       "MESSAGE_ID=12e4becb26524d77b676afe955647a11\n" PROGRAM
                                       "BEARERD_TOKEN=athena\n"
                                       "MESSAGE=token athena: 403\n");
        assert_said(file, INTRODUCTION);
}

static void test_a_stderr_that_was_redirected_gets_a_line_with_its_priority(void **state) {
        FILE *file = begin(false);

        send_one();
        assert_string_equal(journal(), "");
        assert_said(file, "<3>program: token athena: 403\n");
}

static void test_a_line_is_written_where_the_journal_takes_none(void **state) {
        FILE *file = begin(true);

        end_journald();
        send_one();
        assert_said(file, INTRODUCTION "<3>program: token athena: 403\n");
}

static void test_what_does_not_fit_is_left_out_and_the_message_is_not(void **state) {
        FILE *file = begin(true);
        const size_t head = strlen(RELOADED);
        struct log_message message;
        char value[LOG_FIELDS_MAX], text[LOG_TEXT_MAX + 1], expected[sizeof message.fields + 1];

        memset(value, 'v', sizeof value);
        value[LOG_FIELDS_MAX - head - strlen("A=\n") - strlen("B=b\n")] = 0;
        memset(text, 't', sizeof text);
        text[LOG_TEXT_MAX] = 0;
        log_begin(&message, MESSAGE_RELOADED);
        log_field(&message, "A", "%s", value);
        log_field(&message, "B", "%s", "bc");
        log_field(&message, "C", "%s", "c");
        log_send(&message, "%s", text);
        snprintf(expected, sizeof expected, RELOADED "A=%s\nB=b\nMESSAGE=%s\n", value, text);
        assert_string_equal(journal(), expected);
        assert_said(file, INTRODUCTION);
}

static void test_no_field_has_control_characters(void **state) {
        FILE *file = begin(true);
        struct log_message message;

        log_begin(&message, MESSAGE_RELOADED);
        log_field(&message, "A", "%s", "b\nC=d\x1b\x7f");
        log_send(&message, "one\ntwo");
        assert_string_equal(journal(), RELOADED "A=b?C=d??\nMESSAGE=one?two\n");
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
        assert_string_equal(journal(),
                            RELOADED "ERRNO=2\nMESSAGE=cannot: No such file or directory\n");
        assert_said(file, INTRODUCTION);
}

/* More than it has room for, of a kernel that gives it the most (net.unix.max_dgram_qlen). */
#define MANY 100000u

#define LOST "PRIORITY=4\nMESSAGE_ID=0706e6072c4742e880d21b8e4e9df6b6\n" PROGRAM

static void test_nothing_waits_for_a_journal_that_hangs_and_what_is_lost_is_counted(void **state) {
        FILE *file = begin(true);
        uint64_t began = clock_now();
        unsigned n_heard = 0;
        char expected[256];

        for (unsigned i = 0; i < MANY; i++)
                log_line(MESSAGE_RELOADED, "%u", i);
        assert_true(clock_now() - began < 10 * NSEC_PER_SEC);
        while (journal()[0])
                n_heard++;
        assert_in_range(n_heard, 1, MANY - 1);
        log_line(MESSAGE_RELOADED, "again");
        assert_string_equal(journal(), RELOADED "MESSAGE=again\n");
        snprintf(expected, sizeof expected,
                 LOST "MESSAGE=%u message(s) before this one are lost: nobody took them\n",
                 MANY - n_heard);
        assert_string_equal(journal(), expected);
        log_line(MESSAGE_RELOADED, "and again");
        assert_string_equal(journal(), RELOADED "MESSAGE=and again\n");
        assert_string_equal(journal(), "");
        assert_said(file, INTRODUCTION);
}

static void test_nothing_waits_for_a_terminal_that_nobody_reads(void **state) {
        static const size_t lengths[] = {40, 80, 150, 300, 900};
        char text[1024];
        int ends[2];

        memset(text, 'x', sizeof text);
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                uint64_t began = clock_now();

                assert_return_code(openpty(&ends[0], &ends[1], NULL, NULL, NULL), errno);
                assert_return_code(dup2(ends[1], STDERR_FILENO), errno);
                unsetenv("JOURNAL_STREAM");
                log_open("program");
                for (unsigned j = 0; j < MANY / 10; j++)
                        log_line(MESSAGE_RELOADED, "%.*s", (int)lengths[i], text);
                assert_true(clock_now() - began < 10 * NSEC_PER_SEC);
                assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
                assert_true(read(ends[0], text, 8) == 8 && memcmp(text, "program:", 8) == 0);
                memset(text, 'x', 8);
                close(ends[0]);
                close(ends[1]);
        }
        fclose(begin(false));
        log_line(MESSAGE_RELOADED, "what was lost is told before another test begins");
}

static void test_nothing_waits_for_a_pipe_that_nobody_reads(void **state) {
        uint64_t began = clock_now();
        unsigned n_heard = 0;
        char line[256], expected[256];
        FILE *reader;
        int ends[2];

        assert_return_code(pipe(ends), errno);
        assert_return_code(dup2(ends[1], STDERR_FILENO), errno);
        close(ends[1]);
        unsetenv("JOURNAL_STREAM");
        log_open("program");
        for (unsigned i = 0; i < MANY; i++)
                log_line(MESSAGE_RELOADED, "%u", i);
        assert_true(clock_now() - began < 10 * NSEC_PER_SEC);
        assert_return_code(fcntl(ends[0], F_SETFL, O_NONBLOCK), errno);
        reader = fdopen(ends[0], "r");
        assert_non_null(reader);
        while (fgets(line, sizeof line, reader))
                n_heard++;
        assert_in_range(n_heard, 1, MANY - 1);
        clearerr(reader);
        log_line(MESSAGE_RELOADED, "again");
        snprintf(expected, sizeof expected,
                 "<4>program: %u message(s) before this one are lost: nobody took them\n",
                 MANY - n_heard);
        assert_string_equal(fgets(line, sizeof line, reader), "<6>program: again\n");
        assert_string_equal(fgets(line, sizeof line, reader), expected);
        assert_null(fgets(line, sizeof line, reader));
        fclose(reader);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_the_journal_gets_fields_where_stderr_is_its_stream, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_a_stderr_that_was_redirected_gets_a_line_with_its_priority, setup,
                        teardown),
                cmocka_unit_test_setup_teardown(test_a_line_is_written_where_the_journal_takes_none,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_what_does_not_fit_is_left_out_and_the_message_is_not, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_field_has_control_characters, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_no_line_has_control_characters, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_an_error_is_told_in_words_and_in_the_field_that_systemd_has_for_it,
                        setup, teardown),
                cmocka_unit_test_setup_teardown(test_nothing_waits_for_a_terminal_that_nobody_reads,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(test_nothing_waits_for_a_pipe_that_nobody_reads,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_nothing_waits_for_a_journal_that_hangs_and_what_is_lost_is_counted,
                        setup, teardown),
        };

        return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
