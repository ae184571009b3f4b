/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/fetchline.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static char big[FETCHLINE_MAX];

static void test_a_request_is_a_name_and_a_newline(void **state) {
        struct buffer out = BUFFER_INIT(64);
        struct fetchline_request request = {true, "untouched"};
        char *name = request.name;

        fetchline_request_render(&out, &(struct fetchline_request){false, "athena"});
        assert_true(slice_is(buffer_slice(&out), "athena\n"));
        assert_int_equal(fetchline_request_parse(SLICE("athena"), &request), 0);
        assert_string_equal(name, "athena");
        assert_false(request.is_probe);
        assert_int_equal(
                fetchline_request_parse(SLICE("a2345678901234567890123456789012"), &request), 0);
        assert_string_equal(name, "a2345678901234567890123456789012");
        assert_int_equal(
                fetchline_request_parse(SLICE("a23456789012345678901234567890123"), &request),
                -EBADMSG);
        assert_int_equal(fetchline_request_parse(SLICE("athena\n"), &request), -EBADMSG);
        assert_int_equal(fetchline_request_parse(SLICE("../x"), &request), -EBADMSG);
        assert_int_equal(fetchline_request_parse(SLICE(""), &request), -EBADMSG);
        assert_string_equal(name, "a2345678901234567890123456789012");
        buffer_deinit(&out);
}

static void test_a_probe_is_a_word_before_the_name(void **state) {
        struct fetchline_request request = {false, "untouched"};
        struct buffer out = BUFFER_INIT(FETCHLINE_REQUEST_MAX);

        fetchline_request_render(
                &out, &(struct fetchline_request){true, "a2345678901234567890123456789012"});
        assert_int_equal(buffer_error(&out), 0);
        assert_true(slice_is(buffer_slice(&out), "probe a2345678901234567890123456789012\n"));
        assert_int_equal(fetchline_request_parse(SLICE("probe "), &request), -EBADMSG);
        assert_int_equal(fetchline_request_parse(SLICE("probe  athena"), &request), -EBADMSG);
        assert_int_equal(fetchline_request_parse(SLICE("probe probe athena"), &request), -EBADMSG);
        assert_int_equal(fetchline_request_parse(SLICE("Probe athena"), &request), -EBADMSG);
        assert_string_equal(request.name, "untouched");
        assert_false(request.is_probe);
        assert_int_equal(fetchline_request_parse(SLICE("probe athena"), &request), 0);
        assert_string_equal(request.name, "athena");
        assert_true(request.is_probe);
        assert_int_equal(fetchline_request_parse(SLICE("probe"), &request), 0);
        assert_string_equal(request.name, "probe");
        assert_false(request.is_probe);
        buffer_deinit(&out);
}

static void test_outcomes_are_written_without_what_is_not_there(void **state) {
        struct outcome outcome = {OUTCOME_GRANTED, true, 123, 200, .expires_in = 3600};
        struct buffer out = BUFFER_INIT(FETCHLINE_MAX);

        strcpy(outcome.scope, "a/b c");
        assert_int_equal(secret_set(&outcome.access_token, "tok-123", 7), 0);
        fetchline_render(&out, &outcome);
        assert_true(slice_is(buffer_slice(&out),
                             "{\"outcome\":\"granted\",\"sent\":true,\"sent_at\":123,"
                             "\"status\":200,\"access_token\":\"tok-123\",\"expires_in\":3600,"
                             "\"scope\":\"a/b c\"}\n"));
        outcome_deinit(&outcome);
        buffer_clear(&out);
        outcome = (struct outcome){OUTCOME_MISCONFIGURED};
        fetchline_render(&out, &outcome);
        assert_true(
                slice_is(buffer_slice(&out), "{\"outcome\":\"misconfigured\",\"sent\":false}\n"));
        buffer_clear(&out);
        outcome = (struct outcome){OUTCOME_DENIED, true, 5, 401, 30, "invalid_client", "no"};
        fetchline_render(&out, &outcome);
        assert_true(slice_is(buffer_slice(&out),
                             "{\"outcome\":\"denied\",\"sent\":true,\"sent_at\":5,\"status\":401,"
                             "\"retry_after\":30,\"error\":\"invalid_client\","
                             "\"message\":\"no\"}\n"));
        buffer_deinit(&out);
}

static void fill(char *text, size_t size) {
        memset(text, 'x', size);
        text[size] = 0;
}

static void test_the_largest_outcome_fits_and_reads_back_the_same(void **state) {
        struct outcome outcome = {OUTCOME_GRANTED, true, UINT64_MAX, 599, 366 * 86400}, copy;
        struct buffer out = BUFFER_INIT(FETCHLINE_MAX);

        outcome.expires_in = OUTCOME_EXPIRES_IN_MAX;
        fill(outcome.error, OUTCOME_ERROR_MAX);
        fill(outcome.message, OUTCOME_MESSAGE_MAX);
        fill(outcome.scope, OUTCOME_SCOPE_MAX);
        memset(big, 'A', SECRET_SIZE_MAX);
        assert_int_equal(secret_set(&outcome.access_token, big, SECRET_SIZE_MAX), 0);
        fetchline_render(&out, &outcome);
        assert_int_equal(buffer_error(&out), 0);
        assert_int_equal(fetchline_parse((struct slice){out.data, out.size - 1}, &copy), 0);
        assert_int_equal(copy.kind, OUTCOME_GRANTED);
        assert_true(copy.sent);
        assert_true(copy.sent_at == UINT64_MAX);
        assert_int_equal(copy.status, 599);
        assert_int_equal(copy.retry_after, 366 * 86400);
        assert_int_equal(copy.expires_in, OUTCOME_EXPIRES_IN_MAX);
        assert_string_equal(copy.error, outcome.error);
        assert_string_equal(copy.message, outcome.message);
        assert_string_equal(copy.scope, outcome.scope);
        assert_true(secret_equal(&copy.access_token, &outcome.access_token));
        outcome_deinit(&copy);
        /* It fits even if every byte of its texts had to be written as an escape. */
        memset(outcome.error, 1, OUTCOME_ERROR_MAX);
        memset(outcome.message, 1, OUTCOME_MESSAGE_MAX);
        memset(outcome.scope, 1, OUTCOME_SCOPE_MAX);
        buffer_clear(&out);
        fetchline_render(&out, &outcome);
        assert_int_equal(buffer_error(&out), 0);
        outcome_deinit(&outcome);
        buffer_deinit(&out);
}

static void test_every_kind_reads_back(void **state) {
        static const struct outcome outcomes[] = {
                {OUTCOME_FAILED, false, 0, 0, 0, "", "DNS"},
                {OUTCOME_FAILED, true, 7, 503, 60, "", "HTTP 503"},
                {OUTCOME_DENIED, true, 7, 403, 0, "invalid_scope", "no"},
                {OUTCOME_DENIED, false, 0, 0, 0, "", "certificate"},
                {OUTCOME_MISCONFIGURED, false, 0, 0, 0, "", "no file"},
        };

        for (size_t i = 0; i < LENGTH(outcomes); i++) {
                struct buffer out = BUFFER_INIT(FETCHLINE_MAX);
                struct outcome copy;

                fetchline_render(&out, &outcomes[i]);
                assert_int_equal(fetchline_parse((struct slice){out.data, out.size - 1}, &copy), 0);
                assert_int_equal(copy.kind, outcomes[i].kind);
                assert_int_equal(copy.sent, outcomes[i].sent);
                assert_int_equal(copy.sent_at, outcomes[i].sent_at);
                assert_int_equal(copy.status, outcomes[i].status);
                assert_int_equal(copy.retry_after, outcomes[i].retry_after);
                assert_string_equal(copy.error, outcomes[i].error);
                assert_string_equal(copy.message, outcomes[i].message);
                assert_null(copy.access_token.data);
                buffer_deinit(&out);
        }
}

#define GRANTED "\"outcome\":\"granted\",\"sent\":true,"
#define FAILED  "\"outcome\":\"failed\",\"sent\":true"
#define TOKEN   "\"access_token\":\"t\",\"expires_in\":1"

static const struct {
        const char *line;
        int result;
} lines[] = {
        {"{" GRANTED TOKEN "}", 0},
        {" { \"expires_in\":1, " GRANTED "\"access_token\":\"t\"} ", 0},
        {"{" GRANTED TOKEN ",\"new\":\"x\",\"newer\":1,\"newest\":null}", 0},
        {"{" FAILED "}", 0},
        {"{" FAILED ",\"access_token\":1}", 0},
        {"{\"outcome\":\"misconfigured\",\"sent\":false}", 0},
        /* What must be there. */
        {"", -EBADMSG},
        {"{}", -EBADMSG},
        {"{\"sent\":true," TOKEN "}", -EBADMSG},
        {"{\"outcome\":\"failed\"}", -EBADMSG},
        {"{" GRANTED "\"access_token\":\"t\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1}", -EBADMSG},
        /* Kinds and consistency. */
        {"{\"outcome\":\"Granted\",\"sent\":true," TOKEN "}", -EBADMSG},
        {"{\"outcome\":\"\",\"sent\":true}", -EBADMSG},
        {"{\"outcome\":1,\"sent\":true}", -EBADMSG},
        {"{\"outcome\":\"failed\",\"sent\":1}", -EBADMSG},
        {"{\"outcome\":\"failed\",\"sent\":\"true\"}", -EBADMSG},
        {"{\"outcome\":\"failed\",\"sent\":null}", -EBADMSG},
        {"{\"outcome\":\"granted\",\"sent\":false," TOKEN "}", -EBADMSG},
        {"{\"outcome\":\"misconfigured\",\"sent\":true}", -EBADMSG},
        {"{" GRANTED TOKEN "," TOKEN "}", -EBADMSG},
        {"{" GRANTED TOKEN "}\n", 0},
        {"{" GRANTED TOKEN "}\n{" FAILED "}", -EBADMSG},
        {"{" FAILED ",\"x\":{}}", -EBADMSG},
        /* Numbers. */
        {"{" FAILED ",\"sent_at\":18446744073709551615}", 0},
        {"{" FAILED ",\"sent_at\":18446744073709551616}", -EBADMSG},
        {"{" FAILED ",\"sent_at\":\"1\"}", -EBADMSG},
        {"{" FAILED ",\"sent_at\":null}", -EBADMSG},
        {"{" FAILED ",\"status\":0}", 0},
        {"{" FAILED ",\"status\":1}", -EBADMSG},
        {"{" FAILED ",\"status\":99}", -EBADMSG},
        {"{" FAILED ",\"status\":100}", 0},
        {"{" FAILED ",\"status\":599}", 0},
        {"{" FAILED ",\"status\":600}", -EBADMSG},
        {"{" FAILED ",\"status\":4294967296}", -EBADMSG},
        {"{" FAILED ",\"status\":true}", -EBADMSG},
        {"{" FAILED ",\"retry_after\":31622400}", 0},
        {"{" FAILED ",\"retry_after\":31622401}", -EBADMSG},
        {"{" GRANTED "\"access_token\":\"t\",\"expires_in\":0}", -EBADMSG},
        {"{" GRANTED "\"access_token\":\"t\",\"expires_in\":315360000}", 0},
        {"{" GRANTED "\"access_token\":\"t\",\"expires_in\":315360001}", -EBADMSG},
        {"{" GRANTED "\"access_token\":\"t\",\"expires_in\":\"1\"}", -EBADMSG},
        {"{" GRANTED "\"access_token\":\"t\",\"expires_in\":true}", -EBADMSG},
        {"{" GRANTED "\"access_token\":\"t\",\"expires_in\":1.5}", -EBADMSG},
        /* RFC 6750 2.1. */
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"azAZ09-._~+/==\"}", 0},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"=\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"a=b\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"a b\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"a\\nb\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"a\\/b\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"a:b\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":\"a\xc3\xa9\"}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":1}", -EBADMSG},
        {"{" GRANTED "\"expires_in\":1,\"access_token\":null}", -EBADMSG},
        /* Texts. */
        {"{" FAILED ",\"error\":1}", -EBADMSG},
        {"{" FAILED ",\"message\":null}", -EBADMSG},
        {"{" FAILED ",\"message\":\"\\u0000\"}", -EBADMSG},
        {"{" GRANTED TOKEN ",\"scope\":false}", -EBADMSG},
};

static void test_a_line_is_checked_in_every_field(void **state) {
        for (size_t i = 0; i < LENGTH(lines); i++) {
                struct outcome outcome = {.status = 99};
                int r = fetchline_parse(slice_of(lines[i].line), &outcome);

                if (r != lines[i].result || (r < 0 && outcome.status != 99))
                        fail_msg("case %zu: %d %s", i, r, lines[i].line);
                outcome_deinit(&outcome);
        }
}

static void test_texts_at_the_limit_are_read_and_one_past_it_is_not(void **state) {
        static const struct {
                const char *name;
                size_t max;
        } texts[] = {
                {"error", OUTCOME_ERROR_MAX},
                {"message", OUTCOME_MESSAGE_MAX},
                {"scope", OUTCOME_SCOPE_MAX},
                {"access_token", SECRET_SIZE_MAX},
        };

        for (size_t i = 0; i < LENGTH(texts); i++) {
                for (size_t size = texts[i].max; size <= texts[i].max + 1; size++) {
                        struct buffer out = BUFFER_INIT(FETCHLINE_MAX);
                        struct outcome outcome = OUTCOME_INIT;

                        buffer_printf(&out, "{" GRANTED "\"expires_in\":1,\"%s\":\"",
                                      texts[i].name);
                        memset(big, 'x', size);
                        buffer_append(&out, big, size);
                        buffer_append_text(&out, texts[i].max == SECRET_SIZE_MAX
                                                         ? "\"}"
                                                         : "\",\"access_token\":\"t\"}");
                        assert_int_equal(fetchline_parse(buffer_slice(&out), &outcome),
                                         size == texts[i].max ? 0 : -EBADMSG);
                        outcome_deinit(&outcome);
                        buffer_deinit(&out);
                }
        }
}

static void test_a_line_at_the_limit_is_read_and_one_past_it_is_not(void **state) {
        for (size_t size = FETCHLINE_MAX - 1; size <= FETCHLINE_MAX; size++) {
                struct outcome outcome = OUTCOME_INIT;

                memset(big, ' ', size);
                memcpy(big, "{" FAILED "}", strlen("{" FAILED "}"));
                assert_int_equal(fetchline_parse((struct slice){big, size}, &outcome),
                                 size < FETCHLINE_MAX ? 0 : -EBADMSG);
        }
}

static void test_texts_hold_nothing_that_could_harm_a_terminal_or_a_log(void **state) {
        struct outcome outcome = OUTCOME_INIT;

        assert_int_equal(fetchline_parse(SLICE("{" FAILED ",\"error\":\"a b~\",\"message\":"
                                               "\"\\u001b[1m\\n\\\"\\\\\xc3\xa9\x7f'\"}"),
                                         &outcome),
                         0);
        assert_string_equal(outcome.error, "a b~");
        assert_string_equal(outcome.message, "?[1m?????"
                                             "?'");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_request_is_a_name_and_a_newline),
                cmocka_unit_test(test_a_probe_is_a_word_before_the_name),
                cmocka_unit_test(test_outcomes_are_written_without_what_is_not_there),
                cmocka_unit_test(test_the_largest_outcome_fits_and_reads_back_the_same),
                cmocka_unit_test(test_every_kind_reads_back),
                cmocka_unit_test(test_a_line_is_checked_in_every_field),
                cmocka_unit_test(test_texts_at_the_limit_are_read_and_one_past_it_is_not),
                cmocka_unit_test(test_a_line_at_the_limit_is_read_and_one_past_it_is_not),
                cmocka_unit_test(test_texts_hold_nothing_that_could_harm_a_terminal_or_a_log),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
