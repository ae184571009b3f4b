/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/jwt.h"

static void assert_written(void (*write)(struct buffer *, const struct jwt *),
                           const struct jwt *jwt, const char *expected) {
        struct buffer out = BUFFER_INIT(1000);

        write(&out, jwt);
        assert_int_equal(buffer_error(&out), 0);
        buffer_append_char(&out, 0);
        assert_string_equal(out.data, expected);
        buffer_deinit(&out);
}

static void test_header_names_algorithm_and_key(void **state) {
        struct jwt jwt = {.algorithm = "ES384"};

        assert_written(jwt_header, &jwt, "{\"alg\":\"ES384\",\"typ\":\"JWT\"}");
        jwt.key_id = SLICE("a \"b\"");
        assert_written(jwt_header, &jwt,
                       "{\"alg\":\"ES384\",\"typ\":\"JWT\",\"kid\":\"a \\\"b\\\"\"}");
        jwt.key_id = SLICE("");
        jwt.thumbprint = SLICE("abc");
        assert_written(jwt_header, &jwt,
                       "{\"alg\":\"ES384\",\"typ\":\"JWT\",\"x5t#S256\":\"abc\"}");
}

static void test_claims_are_of_rfc_7523(void **state) {
        struct jwt jwt = {
                .issuer = SLICE("my\"id"),
                .subject = SLICE("my\"id"),
                .audience = SLICE("https://as.example/token"),
                .issued = 1700000000,
                .lifetime = 60,
                .id = {0x00, 0x01, 0x0f, 0xf0, 0xff},
        };

        assert_written(jwt_claims, &jwt,
                       "{\"iss\":\"my\\\"id\",\"sub\":\"my\\\"id\","
                       "\"aud\":\"https://as.example/token\","
                       "\"jti\":\"00010ff0ff0000000000000000000000\","
                       "\"iat\":1700000000,\"exp\":1700000060}");
}

static void test_what_is_asked_with_has_a_scope_and_need_not_have_a_subject(void **state) {
        struct jwt jwt = {.issuer = SLICE("us"),
                          .audience = SLICE("them"),
                          .scope = SLICE("a b"),
                          .lifetime = 1};

        assert_written(jwt_claims, &jwt,
                       "{\"iss\":\"us\",\"aud\":\"them\",\"scope\":\"a b\","
                       "\"jti\":\"00000000000000000000000000000000\",\"iat\":0,\"exp\":1}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_header_names_algorithm_and_key),
                cmocka_unit_test(test_claims_are_of_rfc_7523),
                cmocka_unit_test(test_what_is_asked_with_has_a_scope_and_need_not_have_a_subject),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
