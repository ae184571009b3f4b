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

#include "fetch/credentials.h"
#include "fetch/reference.h"

static char directory[] = "/tmp/test_credentials.XXXXXX";
static char reference[64]; /* "file:" and the path of a file in there */
static const char *path = reference + 5;

static int make_directory(void **state) {
        if (!mkdtemp(directory))
                return -1;
        snprintf(reference, sizeof reference, "file:%s/a.secret", directory);
        return setenv("CREDENTIALS_DIRECTORY", directory, 1);
}

static int remove_directory(void **state) {
        unlink(path);
        return rmdir(directory);
}

static void write_file(const char *text, size_t size, mode_t mode) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, mode), 0);
}

static int load(const char *client_id, const char *client_secret, struct credentials *ret,
                struct outcome *outcome) {
        char id[6000], secret[200];
        struct config_token token = {
                .client_id = id, .client_secret = secret, .basic_encoding = CONFIG_BASIC_RAW};

        snprintf(id, sizeof id, "%s", client_id);
        snprintf(secret, sizeof secret, "%s", client_secret);
        return credentials_load(&token, ret, outcome);
}

static void assert_loaded(const char *client_secret, const char *value) {
        struct credentials credentials = CREDENTIALS_INIT;
        struct outcome outcome = OUTCOME_INIT;

        assert_int_equal(load("id", client_secret, &credentials, &outcome), 0);
        assert_string_equal(outcome.message, "");
        assert_string_equal(credentials.client_id.data, "id");
        assert_string_equal(credentials.client_secret.data, value);
        assert_int_equal(credentials.client_secret.size, strlen(value));
        credentials_deinit(&credentials);
}

static void assert_refused(const char *client_id, const char *client_secret, const char *message) {
        struct credentials credentials = CREDENTIALS_INIT;
        struct outcome outcome = OUTCOME_INIT;

        assert_int_equal(load(client_id, client_secret, &credentials, &outcome), -EINVAL);
        assert_int_equal(outcome.kind, OUTCOME_MISCONFIGURED);
        if (!strstr(outcome.message, message))
                fail_msg("'%s' instead of '%s'", outcome.message, message);
        assert_null(strstr(outcome.message, "hunter2"));
        assert_null(credentials.client_id.data);
        assert_null(credentials.client_secret.data);
        assert_null(credentials.basic.data);
}

static void test_credentials_come_from_file_variable_and_directory(void **state) {
        write_file("hunter2", 7, 0600);
        assert_loaded(reference, "hunter2");
        assert_loaded("credential:a.secret", "hunter2");
        assert_int_equal(setenv("TEST_SECRET", "hunter3", 1), 0);
        assert_loaded("env:TEST_SECRET", "hunter3");
}

static void test_basic_is_made_of_both(void **state) {
        struct credentials credentials = CREDENTIALS_INIT;
        struct outcome outcome = OUTCOME_INIT;

        assert_int_equal(setenv("TEST_SECRET", "b", 1), 0);
        assert_int_equal(load("a", "env:TEST_SECRET", &credentials, &outcome), 0);
        assert_string_equal(credentials.basic.data, "Basic YTpi");
        credentials_deinit(&credentials);
        assert_refused("a:b", "env:TEST_SECRET", "client_id (a:b): it has a colon");
}

static void test_one_newline_at_the_end_does_not_count(void **state) {
        static const struct {
                const char *text, *value;
        } rows[] = {
                {"hunter2\n", "hunter2"},
                {"hunter2\r\n", "hunter2"},
                {" hunter2 \n", " hunter2 "},
                {"h\xc3\xbcnter\n", "h\xc3\xbcnter"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                write_file(rows[i].text, strlen(rows[i].text), 0400);
                assert_loaded(reference, rows[i].value);
        }
}

static void test_value_that_cannot_be_one_is_refused(void **state) {
        static const struct {
                struct slice text;
                const char *message;
        } rows[] = {
                {{"", 0}, "it is empty"},
                {{"\n", 1}, "it is empty"},
                {{"\r\n", 2}, "it is empty"},
                {{"hunter2\n\n", 9}, "it has control characters or more than one line"},
                {{"hunter2\r", 8}, "it has control characters"},
                {{"hunter2\nx", 9}, "it has control characters"},
                {{"hunter2\0", 8}, "it has control characters"},
                {{"hun\tter2", 8}, "it has control characters"},
                {{"hunter2\x7f", 8}, "it has control characters"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                write_file(rows[i].text.data, rows[i].text.size, 0600);
                assert_refused("id", reference, rows[i].message);
                assert_refused("id", reference, reference);
                assert_refused("id", "credential:a.secret", rows[i].message);
        }
}

static void test_size_at_the_limit_is_taken_and_one_past_it_refused(void **state) {
        static char text[REFERENCE_LINE_MAX + 4];
        static const char *const endings[] = {"", "\n", "\r\n"};

        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
                size_t ending = strlen(endings[i]);

                memset(text, 'x', REFERENCE_LINE_MAX + 1);
                text[REFERENCE_LINE_MAX] = 0;
                strcpy(text + REFERENCE_LINE_MAX, endings[i]);
                write_file(text, REFERENCE_LINE_MAX + ending, 0600);
                text[REFERENCE_LINE_MAX] = 0;
                assert_loaded(reference, text);
                text[REFERENCE_LINE_MAX] = 'x';
                strcpy(text + REFERENCE_LINE_MAX + 1, endings[i]);
                write_file(text, REFERENCE_LINE_MAX + 1 + ending, 0600);
                assert_refused("id", reference, "it is longer than 4096 bytes");
        }
        text[REFERENCE_LINE_MAX + 1] = 0;
        assert_int_equal(setenv("TEST_SECRET", text, 1), 0);
        assert_refused("id", "env:TEST_SECRET", "it is longer than 4096 bytes");
        assert_refused(text, reference, "client_id (as it is written): it is longer than 4096");
}

static void test_file_that_others_can_use_is_refused(void **state) {
        static const mode_t modes[] = {0604, 0640, 0620, 0602, 0610, 0601, 0644, 0666, 0777};

        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
                char message[40];

                write_file("hunter2", 7, modes[i]);
                snprintf(message, sizeof message, "its mode %04o lets others", modes[i]);
                assert_refused("id", reference, message);
                assert_refused("id", reference, reference);
                assert_refused(reference, "env:TEST_SECRET", "client_id");
                /* systemd made it: its mode is systemd's matter */
                assert_loaded("credential:a.secret", "hunter2");
        }
}

static void test_file_of_somebody_else_is_refused(void **state) {
        write_file("hunter2", 7, 0600);
        if (geteuid() != 0)
                skip(); /* only root can give a file away */
        assert_int_equal(chown(path, 4711, (gid_t)-1), 0);
        assert_refused("id", reference, "it belongs to uid 4711");
        assert_int_equal(chown(path, 0, (gid_t)-1), 0);
}

static void test_missing_credential_says_what_to_do(void **state) {
        unlink(path);
        assert_refused("id", reference, "cannot be read: No such file or directory");
        assert_refused("id", "credential:a.secret",
                       "client_secret (credential:a.secret): it is not there: put it into "
                       "/etc/credstore, and add LoadCredential=a.secret to bearerd-fetch@.service");
        assert_refused("env:TEST_MISSING", reference,
                       "client_id (env:TEST_MISSING): it is not set in the environment");
        assert_refused("id", "file:/tmp", "cannot be read: Is a directory");
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_refused("id", "credential:a.secret", "there is no $CREDENTIALS_DIRECTORY");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
}

static void test_credential_name_stays_in_its_directory(void **state) {
        static const char *const names[] = {"credential:", "credential:../x", "credential:a/b",
                                            "credential:.", "credential:.."};

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                assert_refused("id", names[i], "is no name of a credential");
}

static void test_secret_in_the_configuration_is_refused_unseen(void **state) {
        assert_refused("id", "hunter2",
                       "client_secret (as it is written): it must be credential:NAME");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_credentials_come_from_file_variable_and_directory),
                cmocka_unit_test(test_basic_is_made_of_both),
                cmocka_unit_test(test_one_newline_at_the_end_does_not_count),
                cmocka_unit_test(test_value_that_cannot_be_one_is_refused),
                cmocka_unit_test(test_size_at_the_limit_is_taken_and_one_past_it_refused),
                cmocka_unit_test(test_file_that_others_can_use_is_refused),
                cmocka_unit_test(test_file_of_somebody_else_is_refused),
                cmocka_unit_test(test_missing_credential_says_what_to_do),
                cmocka_unit_test(test_credential_name_stays_in_its_directory),
                cmocka_unit_test(test_secret_in_the_configuration_is_refused_unseen),
        };

        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
