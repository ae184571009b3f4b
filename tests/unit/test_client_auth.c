/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/client_auth.h"

#define N_WAYS (CLIENT_AUTH_NONE + 1)

static void test_each_way_takes_and_needs_its_own_settings(void **state) {
        /* 'n': needs it, 't': takes it, '-': does not; in the order of the enum. */
        static const struct {
                const char *key, *ways;
        } rows[] = {
                {"client_id", "tttttt"},
                {"scope", "tttttt"},
                {"client_secret", "nn----"},
                {"basic_encoding", "t-----"},
                {"private_key", "--nnn-"},
                {"private_key_passphrase", "--ttt-"},
                {"client_certificate", "--tnn-"},
                {"signing_algorithm", "--n---"},
                {"key_id", "--t---"},
                {"assertion_audience", "--t---"},
                {"assertion_lifetime", "--t---"},
                {"assertion_client_id", "--t---"},
                {"subject", "------"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                for (unsigned way = 0; way < N_WAYS; way++) {
                        char expected = rows[i].ways[way];

                        assert_int_equal(
                                client_auth_takes(way, GRANT_CLIENT_CREDENTIALS, rows[i].key),
                                expected != '-');
                        assert_int_equal(
                                client_auth_needs(way, GRANT_CLIENT_CREDENTIALS, rows[i].key),
                                expected == 'n');
                }
        }
}

static void test_an_assertion_that_is_asked_with_takes_what_one_is_made_of(void **state) {
        static const struct {
                const char *key;
                bool takes, needs;
        } rows[] = {
                {"scope", true, false},
                {"client_secret", false, false},
                {"basic_encoding", false, false},
                {"private_key", true, true},
                {"private_key_passphrase", true, false},
                {"client_certificate", false, false},
                {"signing_algorithm", true, true},
                {"key_id", true, false},
                {"assertion_audience", true, false},
                {"assertion_lifetime", true, false},
                {"assertion_client_id", false, false},
                {"subject", true, false},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                assert_int_equal(client_auth_takes(CLIENT_AUTH_NONE, GRANT_JWT_BEARER, rows[i].key),
                                 rows[i].takes);
                assert_int_equal(client_auth_needs(CLIENT_AUTH_NONE, GRANT_JWT_BEARER, rows[i].key),
                                 rows[i].needs);
        }
}

static void test_two_ways_show_a_certificate(void **state) {
        for (unsigned way = 0; way < N_WAYS; way++)
                assert_int_equal(
                        client_auth_is_tls(way),
                        client_auth_needs(way, GRANT_CLIENT_CREDENTIALS, "client_certificate"));
}

static void test_words_end_where_the_enums_end(void **state) {
        assert_string_equal(client_auth_words[CLIENT_AUTH_NONE], "none");
        assert_null(client_auth_words[N_WAYS]);
        assert_string_equal(signing_algorithm_words[SIGNING_ES384], "ES384");
        assert_null(signing_algorithm_words[SIGNING_ES384 + 1]);
}

static void test_algorithms_are_found_by_their_words(void **state) {
        enum signing_algorithm algorithm = SIGNING_RS256;

        for (unsigned i = 0; signing_algorithm_words[i]; i++) {
                assert_true(signing_algorithm_find(signing_algorithm_words[i], &algorithm));
                assert_int_equal(algorithm, i);
        }
        assert_false(signing_algorithm_find("none", &algorithm));
        assert_false(signing_algorithm_find("rs256", &algorithm));
        assert_false(signing_algorithm_find("", &algorithm));
        assert_int_equal(algorithm, SIGNING_ES384);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_way_takes_and_needs_its_own_settings),
                cmocka_unit_test(test_an_assertion_that_is_asked_with_takes_what_one_is_made_of),
                cmocka_unit_test(test_two_ways_show_a_certificate),
                cmocka_unit_test(test_words_end_where_the_enums_end),
                cmocka_unit_test(test_algorithms_are_found_by_their_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
