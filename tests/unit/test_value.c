/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timespan.h"
#include "core/outcome.h"
#include "wire/value.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

static void test_times_are_read_as_systemd_writes_them(void **state) {
        static const struct {
                const char *text;
                uint64_t value;
        } rows[] = {
                {"0", 0},
                {"90", 90 * NSEC_PER_SEC},
                {"007", 7 * NSEC_PER_SEC},
                {"1.5", 1500 * NSEC_PER_MSEC},
                {"90s", 90 * NSEC_PER_SEC},
                {"90 s", 90 * NSEC_PER_SEC},
                {"0.5s", 500 * NSEC_PER_MSEC},
                {"500ms", 500 * NSEC_PER_MSEC},
                {"3us", 3 * NSEC_PER_USEC},
                {"5min", 5 * NSEC_PER_MIN},
                {"1h 30min", 90 * NSEC_PER_MIN},
                {"1h30min", 90 * NSEC_PER_MIN},
                {"1 h   30 min", 90 * NSEC_PER_MIN},
                {"2 h", 120 * NSEC_PER_MIN},
                {"55s500ms", 55500 * NSEC_PER_MSEC},
                {"300ms20s 5day", 7200 * NSEC_PER_MIN + 20300 * NSEC_PER_MSEC},
                {"1w 1d 1h 1m 1s 1ms 1us", (10080 + 1440 + 60 + 1) * NSEC_PER_MIN + NSEC_PER_SEC +
                                                   NSEC_PER_MSEC + NSEC_PER_USEC},
                {"1usec", NSEC_PER_USEC},
                {"1msec", NSEC_PER_MSEC},
                {"1sec", NSEC_PER_SEC},
                {"1second", NSEC_PER_SEC},
                {"2seconds", 2 * NSEC_PER_SEC},
                {"1minute", NSEC_PER_MIN},
                {"2minutes", 2 * NSEC_PER_MIN},
                {"1hr", 60 * NSEC_PER_MIN},
                {"1hour", 60 * NSEC_PER_MIN},
                {"2hours", 120 * NSEC_PER_MIN},
                {"1day", 1440 * NSEC_PER_MIN},
                {"2days", 2880 * NSEC_PER_MIN},
                {"1week", 10080 * NSEC_PER_MIN},
                {"2weeks", 20160 * NSEC_PER_MIN},
                {"0.000000001s", 1},
                {"0.0000000019s", 1},
                {"0.00000000000000000000000000000001s", 0},
                {"18446744073s 709ms 551us", UINT64_MAX - 615},
                {"18446744073.709551615s", UINT64_MAX},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                uint64_t value = 42;

                if (value_time(slice_of(rows[i].text), &value) != 0 || value != rows[i].value)
                        fail_msg("%s: %ju", rows[i].text, (uintmax_t)value);
        }
}

static void test_what_is_no_time_is_refused(void **state) {
        static const struct {
                const char *text;
                int r;
        } rows[] = {
                {"", -EINVAL},
                {" ", -EINVAL},
                {"s", -EINVAL},
                {"-1s", -EINVAL},
                {"+1s", -EINVAL},
                {"1 s.", -EINVAL},
                {"1.s", -EINVAL},
                {".5s", -EINVAL},
                {"1,5s", -EINVAL},
                {"1.5.5s", -EINVAL},
                {"1e3s", -EINVAL},
                {"0x10", -EINVAL},
                {"1h 30", -EINVAL},
                {"30 1h", -EINVAL},
                {"1 1", -EINVAL},
                {"1S", -EINVAL},
                {"1{", -EINVAL},
                {"1Min", -EINVAL},
                {"1M", -EINVAL},
                {"1month", -EINVAL},
                {"1y", -EINVAL},
                {"1ns", -EINVAL},
                {"1\xc2\xb5s", -EINVAL},
                {"1sx", -EINVAL},
                {"1\ts", -EINVAL},
                {"infinity", -EINVAL},
                {"18446744073.709551616s", -ERANGE},
                {"18446744073s 709ms 551us 1ms", -ERANGE},
                {"18446744074s", -ERANGE},
                {"30501w", -ERANGE},
                {"99999999999999999999999999999999us", -ERANGE},
                {"18446744073s 0.709551616s", -ERANGE},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                uint64_t value = 42;

                if (value_time(slice_of(rows[i].text), &value) != rows[i].r || value != 42)
                        fail_msg("accepted: '%s'", rows[i].text);
        }
}

static void test_booleans_are_systemds(void **state) {
        static const char *const yes[] = {"1", "yes", "y", "true", "t", "on", "YES", "On"};
        static const char *const no[] = {"0", "no", "n", "false", "f", "off", "No", "OFF"};
        static const char *const neither[] = {"", "2", "00", "ja", "yess", "ye", "tru", "enabled"};
        bool value;

        for (size_t i = 0; i < ELEMENTS(yes); i++)
                assert_true(value_boolean(slice_of(yes[i]), &value) == 0 && value);
        for (size_t i = 0; i < ELEMENTS(no); i++)
                assert_true(value_boolean(slice_of(no[i]), &value) == 0 && !value);
        for (size_t i = 0; i < ELEMENTS(neither); i++)
                assert_int_equal(value_boolean(slice_of(neither[i]), &value), -EINVAL);
}

static void test_modes_are_octal(void **state) {
        static const char *const bad[] = {"",     "0",    "66",   "66 ",  "668",  "1660",
                                          "0o66", "0888", "-660", "+660", "00660"};
        unsigned mode;

        assert_true(value_mode(SLICE("0660"), &mode) == 0 && mode == 0660);
        assert_true(value_mode(SLICE("600"), &mode) == 0 && mode == 0600);
        assert_true(value_mode(SLICE("0000"), &mode) == 0 && mode == 0);
        assert_true(value_mode(SLICE("0777"), &mode) == 0 && mode == 0777);
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                assert_int_equal(value_mode(slice_of(bad[i]), &mode), -EINVAL);
}

static void test_words_are_parted_by_spaces_and_commas(void **state) {
        struct slice text = SLICE(", a,b  c , d,"), word;

        for (const char *expected = "abcd"; *expected; expected++) {
                assert_true(value_next_word(&text, &word));
                assert_int_equal(word.size, 1);
                assert_int_equal(*word.data, *expected);
        }
        assert_false(value_next_word(&text, &word));
        assert_false(value_next_word(&text, &word));
}

typedef bool (*check)(struct slice text);

static void test_texts_are_told_apart(void **state) {
        static const struct {
                check is_valid;
                const char *text;
                bool expected;
        } rows[] = {
                {value_is_path, "/", true},
                {value_is_path, "/etc/ssl/my ca.pem", true},
                {value_is_path, "/\xc3\xa4", true},
                {value_is_path, "", false},
                {value_is_path, "etc", false},
                {value_is_path, "./etc", false},
                {value_is_path, "~/etc", false},
                {value_is_path, "/a\nb", false},
                {value_is_path, "/a\x7f", false},
                {value_is_socket_path, "/run/bearerd/token.sock", true},
                {value_is_socket_path, "@abstract", false},
                {value_is_account, "bookadoc", true},
                {value_is_account, "_apt", true},
                {value_is_account, "1000", true},
                {value_is_account, "first.last@example", true},
                {value_is_account, "", false},
                {value_is_account, "-x", false},
                {value_is_account, "a:b", false},
                {value_is_account, "a/b", false},
                {value_is_account, "a b", false},
                {value_is_account, "a,b", false},
                {value_is_account, "\"a\"", false},
                {value_is_account, "\xc3\xa4", false},
                {value_is_scope, "athena/service/Athenanet.MDP.*", true},
                {value_is_scope, "a b c", true},
                {value_is_scope, "!#[]~", true},
                {value_is_scope, "", false},
                {value_is_scope, " a", false},
                {value_is_scope, "a ", false},
                {value_is_scope, "a  b", false},
                {value_is_scope, "a\tb", false},
                {value_is_scope, "a\"b", false},
                {value_is_scope, "a\\b", false},
                {value_is_scope, "\xc3\xa4", false},
                {value_is_practice_id, "195900", true},
                {value_is_practice_id, "a-1.x/y", true},
                {value_is_practice_id, "", false},
                {value_is_practice_id, "19 59", false},
                {value_is_practice_id, "\"1\"", false},
                {value_is_practice_id, "1\\", false},
                {value_is_practice_id, "\x7f", false},
                {value_is_private_key, "file:/run/key", true},
                {value_is_private_key, "pkcs11:token=a;object=b", true},
                {value_is_private_key, "key", false},
                {value_is_pkcs11, "pkcs11:token=a;object=b%20c?module-name=x", true},
                {value_is_pkcs11, "pkcs11:", false},
                {value_is_pkcs11, "pkcs11:object=b c", false},
                {value_is_pkcs11, "pkcs11:object=b?pin-value=1234", false},
                {value_is_pkcs11, "file:/x", false},
                {value_is_key_id, "our key: 1", true},
                {value_is_key_id, "\x01", false},
                {value_is_audience, "https://a.example/?x=1#y", true},
                {value_is_audience, "a b", false},
                {value_is_audience, "a\"", false},
                {value_is_resource, "https://a.example/x?y=1", true},
                {value_is_resource, "urn:b", true},
                {value_is_resource, "a+b-c.1:x", true},
                {value_is_resource, "", false},
                {value_is_resource, "urn:", false},
                {value_is_resource, "1urn:b", false},
                {value_is_resource, "nothing", false},
                {value_is_resource, ":x", false},
                {value_is_resource, "a/b:c", false},
                {value_is_resource, "https://a.example/#x", false},
                {value_is_resource, "urn:\xc3\xa4", false},
                {value_is_form_field, "a=b", true},
                {value_is_form_field, "a=", true},
                {value_is_form_field, "a=b=c d&\xc3\xa4", true},
                {value_is_form_field, "scopes=b", true},
                {value_is_form_field, "", false},
                {value_is_form_field, "a", false},
                {value_is_form_field, "=b", false},
                {value_is_form_field, "a b=c", false},
                {value_is_form_field, "a&b=c", false},
                {value_is_form_field, "scope=b", false},
                {value_is_form_field, "Client_Secret=b", false},
                {value_is_header, "X-Tenant: a b, \"c\"", true},
                {value_is_header, "!#$%&'*+-.^_`|~9a: b", true},
                {value_is_header, "", false},
                {value_is_header, ": b", false},
                {value_is_header, "X:", false},
                {value_is_header, "X: ", false},
                {value_is_header, "X:b", false},
                {value_is_header, "X:  b", false},
                {value_is_header, "X Y: b", false},
                {value_is_header, "X: \xc3\xa4", false},
                {value_is_header, "authorization: b", false},
                {value_is_header, "Content-Length: 1", false},
                {value_is_pinned_key, "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+=", true},
                {value_is_pinned_key,
                 "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+=;sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+=",
                 true},
                {value_is_pinned_key, "", false},
                {value_is_pinned_key, "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+=;",
                 false},
                {value_is_pinned_key,
                 ";sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+=", false},
                {value_is_pinned_key, "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+", false},
                {value_is_pinned_key,
                 "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+==", false},
                {value_is_pinned_key,
                 "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+=", false},
                {value_is_pinned_key, "sha256//-=", false},
                {value_is_pinned_key, "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+=", false},
                {value_is_pinned_key, "/etc/key.pem", false},
                {value_is_address, "192.0.2.1", true},
                {value_is_address, "2001:db8::1", true},
                {value_is_address, "", false},
                {value_is_address, "192.0.2", false},
                {value_is_address, "localhost", false},
                {value_is_address, "eth0", false},
                {value_is_address, "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", false},
                {value_is_reference, "credential:athena.client_id", true},
                {value_is_reference, "credential:...", true},
                {value_is_reference, "credential:two words", true},
                {value_is_reference, "credential:", false},
                {value_is_reference, "credential:.", false},
                {value_is_reference, "credential:..", false},
                {value_is_reference, "credential:a/b", false},
                {value_is_reference, "credential:../../etc/shadow", false},
                {value_is_reference, "credential:a:b", false},
                {value_is_reference, "credential:\xc3\xa4", false},
                {value_is_reference, "env:A", true},
                {value_is_reference, "env:_a9", true},
                {value_is_reference, "env:", false},
                {value_is_reference, "env:9A", false},
                {value_is_reference, "env:A-B", false},
                {value_is_reference, "env:A=B", false},
                {value_is_reference, "env: A", false},
                {value_is_reference, "file:/run/secret", true},
                {value_is_reference, "file:", false},
                {value_is_reference, "file:secret", false},
                {value_is_reference, "file:///run/secret", true},
                {value_is_reference, "secret", false},
                {value_is_reference, "Env:A", false},
                {value_is_reference, "", false},
                {value_is_client_id, "env:A", true},
                {value_is_client_id, "credential:a", true},
                {value_is_client_id, "file:/a", true},
                {value_is_client_id, "0oa1b2c3", true},
                {value_is_client_id, "a b", true},
                {value_is_client_id, "~!\"\\", true},
                {value_is_client_id, "", false},
                {value_is_client_id, "foo:bar", false},
                {value_is_client_id, "env:", false},
                {value_is_client_id, "ENV:A", false},
                {value_is_client_id, "cred:a", false},
                {value_is_client_id, ":a", false},
                {value_is_client_id, "a\x7f", false},
                {value_is_client_id, "\xc3\xa4", false},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++)
                if (rows[i].is_valid(slice_of(rows[i].text)) != rows[i].expected)
                        fail_msg("row %zu: '%s'", i, rows[i].text);
        assert_false(value_is_path(SLICE("/a\0b")));
        assert_false(value_is_client_id(SLICE("a\0b")));
        assert_false(value_is_reference(SLICE("credential:a\0b")));
}

static void test_sizes_at_the_limit_and_one_past_it(void **state) {
        static const struct {
                check is_valid;
                const char *start;
                size_t most; /* behind the start */
        } rows[] = {
                {value_is_path, "/", VALUE_PATH_MAX - 1},
                {value_is_socket_path, "/", VALUE_SOCKET_PATH_MAX - 1},
                {value_is_account, "", VALUE_ACCOUNT_MAX},
                {value_is_scope, "", OUTCOME_SCOPE_MAX},
                {value_is_practice_id, "", VALUE_PRACTICE_ID_MAX},
                {value_is_client_id, "", VALUE_CLIENT_ID_MAX},
                {value_is_key_id, "", VALUE_KEY_ID_MAX},
                {value_is_audience, "", VALUE_AUDIENCE_MAX},
                {value_is_resource, "urn:", VALUE_AUDIENCE_MAX - 4},
                {value_is_form_field, "a=", VALUE_FIELD_MAX},
                {value_is_header, "X: ", VALUE_FIELD_MAX},
                {value_is_reference, "credential:", VALUE_CREDENTIAL_MAX},
                {value_is_reference, "env:", VALUE_VARIABLE_NAME_MAX},
                {value_is_reference, "file:/", VALUE_PATH_MAX - 1},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                size_t size = strlen(rows[i].start) + rows[i].most;
                char text[8192];

                memset(text, 'a', sizeof text);
                memcpy(text, rows[i].start, strlen(rows[i].start));
                assert_true(rows[i].is_valid((struct slice){text, size}));
                assert_false(rows[i].is_valid((struct slice){text, size + 1}));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times_are_read_as_systemd_writes_them),
                cmocka_unit_test(test_what_is_no_time_is_refused),
                cmocka_unit_test(test_booleans_are_systemds),
                cmocka_unit_test(test_modes_are_octal),
                cmocka_unit_test(test_words_are_parted_by_spaces_and_commas),
                cmocka_unit_test(test_texts_are_told_apart),
                cmocka_unit_test(test_sizes_at_the_limit_and_one_past_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
