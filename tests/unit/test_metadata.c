/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/metadata.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

static void test_each_kind_has_its_place(void **state) {
        static const struct {
                enum metadata_kind kind;
                const char *issuer, *url;
        } rows[] = {
                {METADATA_OPENID, "https://a.example",
                 "https://a.example/.well-known/openid-configuration"},
                {METADATA_OPENID, "https://a.example/",
                 "https://a.example/.well-known/openid-configuration"},
                {METADATA_OPENID, "https://a.example:8443/realms/x",
                 "https://a.example:8443/realms/x/.well-known/openid-configuration"},
                {METADATA_OAUTH, "https://a.example",
                 "https://a.example/.well-known/oauth-authorization-server"},
                {METADATA_OAUTH, "https://a.example/",
                 "https://a.example/.well-known/oauth-authorization-server"},
                {METADATA_OAUTH, "https://a.example/oauth2/default/",
                 "https://a.example/.well-known/oauth-authorization-server/oauth2/default"},
                {METADATA_SMART, "https://a.example/fhir/r4",
                 "https://a.example/fhir/r4/.well-known/smart-configuration"},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                struct buffer url = BUFFER_INIT(URL_SIZE_MAX);

                metadata_url(&url, rows[i].kind, slice_of(rows[i].issuer));
                buffer_append_char(&url, 0);
                assert_string_equal(url.data, rows[i].url);
                buffer_deinit(&url);
        }
}

static void test_issuer_is_https_without_query(void **state) {
        static const struct {
                const char *text;
                bool is_issuer;
        } rows[] = {
                {"https://a.example", true},
                {"https://a.example/x/", true},
                {"http://localhost:1/x", true},
                {"http://a.example", false},
                {"https://a.example/?x=1", false},
                {"https://a.example/#x", false},
                {"https://u@a.example/", false},
                {"a.example", false},
                {"", false},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++)
                assert_int_equal(metadata_is_issuer(slice_of(rows[i].text)), rows[i].is_issuer);
}

#define ISSUER   "https://a.example/x"
#define ENDPOINT "\"token_endpoint\":\"https://b.example/token\""
#define SAID     "{\"issuer\":\"" ISSUER "\"," ENDPOINT

static void test_endpoint_is_read(void **state) {
        static const struct {
                enum metadata_kind kind;
                bool is_tls;
                const char *text, *url;
        } rows[] = {
                {METADATA_OPENID, false, SAID "}", "https://b.example/token"},
                {METADATA_OAUTH, false, SAID ",\"x\":[{\"y\":null}]}", "https://b.example/token"},
                {METADATA_SMART, false, "{" ENDPOINT "}", "https://b.example/token"},
                {METADATA_SMART, false, "{\"issuer\":\"https://other.example\"," ENDPOINT "}",
                 "https://b.example/token"},
                {METADATA_OAUTH, true, SAID "}", "https://b.example/token"},
                {METADATA_OAUTH, true,
                 SAID ",\"mtls_endpoint_aliases\":{\"token_endpoint\":\"https://m.example/t\"}}",
                 "https://m.example/t"},
                {METADATA_OAUTH, false,
                 SAID ",\"mtls_endpoint_aliases\":{\"token_endpoint\":\"https://m.example/t\"}}",
                 "https://b.example/token"},
                {METADATA_OAUTH, true, SAID ",\"mtls_endpoint_aliases\":{\"token_endpoint\":1}}",
                 "https://b.example/token"},
                {METADATA_OAUTH, true, SAID ",\"mtls_endpoint_aliases\":1}",
                 "https://b.example/token"},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                char url[URL_SIZE_MAX + 1];

                assert_null(metadata_read(slice_of(rows[i].text), rows[i].kind, SLICE(ISSUER),
                                          rows[i].is_tls, url));
                assert_string_equal(url, rows[i].url);
        }
}

static void test_what_is_wrong_is_told(void **state) {
        static const struct {
                const char *text, *why;
        } rows[] = {
                {"", "not one JSON object"},
                {"[]", "not one JSON object"},
                {SAID, "not one JSON object"},
                {SAID "}{}", "not one JSON object"},
                {SAID "," ENDPOINT "}", "a member is there twice"},
                {"{" ENDPOINT "}", "it has no issuer"},
                {"{\"issuer\":1," ENDPOINT "}", "it has no issuer"},
                {"{\"issuer\":\"https://a.example\"," ENDPOINT "}", "it is of another issuer"},
                {"{\"issuer\":\"" ISSUER "/\"," ENDPOINT "}", "it is of another issuer"},
                {"{\"issuer\":\"https://A.example/x\"," ENDPOINT "}", "it is of another issuer"},
                {"{\"issuer\":\"" ISSUER "\"}", "it has no token_endpoint"},
                {"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":null}", "it has no token_endpoint"},
                {"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"\"}", "is no URL"},
                {"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://u@b.example/\"}",
                 "is no URL"},
                {"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"/token\"}", "is no URL"},
                {"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"http://b.example/\"}",
                 "is not https"},
                {"{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"http://localhost/\"}",
                 "is not https"},
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                char url[URL_SIZE_MAX + 1] = "before";
                const char *why = metadata_read(slice_of(rows[i].text), METADATA_OAUTH,
                                                SLICE(ISSUER), false, url);

                if (!why || !strstr(why, rows[i].why))
                        fail_msg("%s: '%s' instead of '%s'", rows[i].text, why ? why : "good",
                                 rows[i].why);
                assert_string_equal(url, "before");
        }
}

static void test_issuer_on_this_host_may_name_an_endpoint_there(void **state) {
        char url[URL_SIZE_MAX + 1];

        assert_null(metadata_read(SLICE("{\"token_endpoint\":\"http://127.0.0.1:2/t\"}"),
                                  METADATA_SMART, SLICE("http://localhost:1"), false, url));
        assert_string_equal(url, "http://127.0.0.1:2/t");
        assert_non_null(metadata_read(SLICE("{\"token_endpoint\":\"http://b.example/t\"}"),
                                      METADATA_SMART, SLICE("http://localhost:1"), false, url));
}

static void test_size_at_the_limit_is_read_and_one_past_it_is_not(void **state) {
        static char text[METADATA_SIZE_MAX + 1];
        char url[URL_SIZE_MAX + 1];

        memset(text, ' ', sizeof text);
        memcpy(text, SAID "}", strlen(SAID "}"));
        assert_null(metadata_read((struct slice){text, METADATA_SIZE_MAX}, METADATA_OAUTH,
                                  SLICE(ISSUER), false, url));
        assert_non_null(metadata_read((struct slice){text, METADATA_SIZE_MAX + 1}, METADATA_OAUTH,
                                      SLICE(ISSUER), false, url));
}

static void test_url_at_the_limit_is_taken_and_one_past_it_is_not(void **state) {
        for (int more = 0; more < 2; more++) {
                int path = URL_SIZE_MAX - (int)strlen("https://b.example/") + more;
                char text[URL_SIZE_MAX + 200], url[URL_SIZE_MAX + 1];
                const char *why;

                snprintf(text, sizeof text, "{\"token_endpoint\":\"https://b.example/%0*d\"}", path,
                         0);
                why = metadata_read(slice_of(text), METADATA_SMART, SLICE(ISSUER), false, url);
                assert_int_equal(why != NULL, more);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_kind_has_its_place),
                cmocka_unit_test(test_issuer_is_https_without_query),
                cmocka_unit_test(test_endpoint_is_read),
                cmocka_unit_test(test_what_is_wrong_is_told),
                cmocka_unit_test(test_issuer_on_this_host_may_name_an_endpoint_there),
                cmocka_unit_test(test_size_at_the_limit_is_read_and_one_past_it_is_not),
                cmocka_unit_test(test_url_at_the_limit_is_taken_and_one_past_it_is_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
