/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/oauth.h"

#define DEFAULT_EXPIRES_IN UINT64_C(300)
#define CLIENT_SECRET      "s3cr+t/9 x"

static struct secret client_secret, basic;

static int make_credentials(void **state) {
        struct secret client_id = SECRET_INIT;
        int r;

        if (secret_set(&client_id, "my-id", 5) < 0 ||
            secret_set(&client_secret, CLIENT_SECRET, strlen(CLIENT_SECRET)) < 0)
                return -1;
        r = oauth_basic(&client_id, &client_secret, CONFIG_BASIC_RFC6749, &basic);
        secret_deinit(&client_id);
        return r;
}

static int drop_credentials(void **state) {
        secret_deinit(&client_secret);
        secret_deinit(&basic);
        return 0;
}

static struct outcome answer_slice(int status, struct slice body) {
        struct outcome outcome = OUTCOME_INIT;

        struct oauth_asked asked = {"token_url", CLIENT_AUTH_BASIC, DEFAULT_EXPIRES_IN,
                                    &client_secret, &basic};

        assert_int_equal(oauth_answer(status, body, &asked, &outcome), 0);
        assert_int_equal(outcome.status, status);
        return outcome;
}

static struct outcome answer(int status, const char *body) {
        return answer_slice(status, slice_of(body));
}

static void assert_malformed(struct slice body, const char *words) {
        struct outcome outcome = answer_slice(200, body);

        if (outcome.kind != OUTCOME_FAILED || !strstr(outcome.message, words))
                fail_msg("%.*s: kind %d, '%s' instead of '%s'", (int)body.size, body.data,
                         (int)outcome.kind, outcome.message, words);
        assert_null(outcome.access_token.data);
        outcome_deinit(&outcome);
}

/* The request */

static int make_basic(const char *id, const char *secret, enum config_basic_encoding encoding,
                      struct secret *ret_value) {
        struct secret client_id = SECRET_INIT, other_secret = SECRET_INIT;
        int r;

        assert_int_equal(secret_set(&client_id, id, strlen(id)), 0);
        assert_int_equal(secret_set(&other_secret, secret, strlen(secret)), 0);
        r = oauth_basic(&client_id, &other_secret, encoding, ret_value);
        secret_deinit(&client_id);
        secret_deinit(&other_secret);
        return r;
}

static void test_basic_is_base64_of_id_and_secret(void **state) {
        static const struct {
                const char *id, *secret, *raw, *rfc6749;
        } rows[] = {
                {"s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw",
                 "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3", /* RFC 6749 2.3.1 */
                 "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"},
                {"a", "b", "Basic YTpi", "Basic YTpi"},
                {"a", "bc", "Basic YTpiYw==", "Basic YTpiYw=="},
                {"a", "b+", "Basic YTpiKw==", "Basic YTpiJTJC"},
                /* " %&+" and pound and euro: the example of appendix B */
                {"a", " %&+\xc2\xa3\xe2\x82\xac",
                 "Basic YTogJSYrwqPigqw=", "Basic YTorJTI1JTI2JTJCJUMyJUEzJUUyJTgyJUFD"},
                {"a", "\xff\xfe", "Basic YTr//g==", "Basic YTolRkYlRkU="},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct secret value = SECRET_INIT;

                assert_int_equal(make_basic(rows[i].id, rows[i].secret, CONFIG_BASIC_RAW, &value),
                                 0);
                assert_string_equal(value.data, rows[i].raw);
                assert_int_equal(
                        make_basic(rows[i].id, rows[i].secret, CONFIG_BASIC_RFC6749, &value), 0);
                assert_string_equal(value.data, rows[i].rfc6749);
                secret_deinit(&value);
        }
}

static void test_colon_in_an_id_is_sent_encoded_or_not_at_all(void **state) {
        struct secret value = SECRET_INIT;

        assert_int_equal(make_basic("a:b", "c", CONFIG_BASIC_RAW, &value), -EINVAL);
        assert_null(value.data);
        assert_int_equal(make_basic("a", "b:c", CONFIG_BASIC_RAW, &value), 0);
        assert_string_equal(value.data, "Basic YTpiOmM=");
        assert_int_equal(make_basic("a:b", "c", CONFIG_BASIC_RFC6749, &value), 0);
        assert_string_equal(value.data, "Basic YSUzQWI6Yw==");
        secret_deinit(&value);
}

static void test_basic_at_the_limit_fits_and_one_past_it_is_refused(void **state) {
        /* "Basic " and 4 bytes for each 3 of "i:" and the secret */
        static char text[SECRET_SIZE_MAX];
        size_t most = (SECRET_SIZE_MAX - 6) / 4 * 3 - 2;
        struct secret value = SECRET_INIT;

        memset(text, 'x', sizeof text - 1);
        text[most] = 0;
        assert_int_equal(make_basic("i", text, CONFIG_BASIC_RAW, &value), 0);
        secret_deinit(&value);
        assert_int_equal(make_basic(text, text, CONFIG_BASIC_RAW, &value), -E2BIG);
        assert_int_equal(make_basic("", "b", CONFIG_BASIC_RAW, &value), 0);
        assert_string_equal(value.data, "Basic OmI=");
        secret_deinit(&value);
        text[most] = 'x';
        text[most + 1] = 0;
        assert_int_equal(make_basic("i", text, CONFIG_BASIC_RAW, &value), -E2BIG);
        assert_null(value.data);
}

static void test_form_has_grant_type_and_scope(void **state) {
        struct buffer out = BUFFER_INIT(200);

        oauth_form(&out, &(struct oauth_form){.scope = ""});
        assert_true(slice_is(buffer_slice(&out), "grant_type=client_credentials"));
        buffer_clear(&out);
        oauth_form(&out, &(struct oauth_form){.scope = "athena/service/Athenanet.MDP.* b&c=d"});
        assert_true(slice_is(buffer_slice(&out),
                             "grant_type=client_credentials"
                             "&scope=athena%2Fservice%2FAthenanet.MDP.*+b%26c%3Dd"));
        buffer_deinit(&out);
}

static void test_form_has_what_the_client_authenticates_with(void **state) {
        char id_text[] = "my id", secret_text[] = "a+b/c", assertion_text[] = "e30.e30.c2ln";
        const struct secret id = {id_text, 5}, secret = {secret_text, 5}, none = SECRET_INIT,
                            assertion = {assertion_text, 12};
        struct buffer out = BUFFER_INIT(400);

        oauth_form(&out, &(struct oauth_form){
                                 .scope = "s",
                                 .client_id = &id,
                                 .client_secret = &secret,
                                 .assertion = &none,
                         });
        assert_true(slice_is(buffer_slice(&out), "grant_type=client_credentials&scope=s"
                                                 "&client_id=my+id&client_secret=a%2Bb%2Fc"));
        buffer_clear(&out);
        oauth_form(&out, &(struct oauth_form){.scope = "", .assertion = &assertion});
        assert_true(slice_is(buffer_slice(&out),
                             "grant_type=client_credentials&client_assertion_type="
                             "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                             "&client_assertion=e30.e30.c2ln"));
        buffer_deinit(&out);
}

static void test_form_has_what_is_asked_for_besides(void **state) {
        char first[] = "https://a.example/x?y=1", second[] = "urn:b", field[] = "a b=c=d&\xc3\xbc",
             empty[] = "flag=";
        char *resources[] = {first, second, NULL}, *fields[] = {field, empty, NULL};
        struct buffer out = BUFFER_INIT(400);

        oauth_form(&out, &(struct oauth_form){
                                 .audience = "https://api.example/",
                                 .resources = resources,
                                 .fields = fields,
                         });
        buffer_append_char(&out, 0);
        assert_string_equal(out.data,
                            "grant_type=client_credentials"
                            "&audience=https%3A%2F%2Fapi.example%2F"
                            "&resource=https%3A%2F%2Fa.example%2Fx%3Fy%3D1&resource=urn%3Ab"
                            "&a+b=c%3Dd%26%C3%BC&flag=");
        buffer_deinit(&out);
}

/* What grants a token */

static void test_good_answer_is_a_token(void **state) {
        static const struct {
                const char *body;
                uint64_t expires_in;
                const char *scope;
        } rows[] = {
                {"{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"expires_in\":3600}", 3600,
                 ""},
                {" {\"expires_in\" : \"3600\" ,\n\"token_type\":\"bEARER\", \"access_token\":\"T\"}\r\n\t ",
                 3600, ""},
                {"{\"access_token\":\"T\",\"token_type\":\"bearer\"}", DEFAULT_EXPIRES_IN, ""},
                {"{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"expires_in\":1}", 1, ""},
                {"{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"expires_in\":315360000}",
                 OUTCOME_EXPIRES_IN_MAX, ""},
                {"{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"expires_in\":\"0060\"}", 60,
                 ""},
                {"{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"scope\":\"a b/c.*\"}",
                 DEFAULT_EXPIRES_IN, "a b/c.*"},
                {"{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"scope\":null}",
                 DEFAULT_EXPIRES_IN, ""},
                {"{\"access_token\":\"\\u0054\",\"token_type\":\"Bearer\",\"x\":{\"access_token\":"
                 "\"a:b\\\"c\",\"y\":[{\"z\":1},{\"z\":2}]},\"d\":1.5,\"n\":null,\"t\":\"'NI:{\"}",
                 DEFAULT_EXPIRES_IN, ""},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct outcome outcome = answer(200, rows[i].body);

                assert_string_equal(outcome.message, "");
                assert_string_equal(outcome.error, "");
                assert_int_equal(outcome.kind, OUTCOME_GRANTED);
                assert_string_equal(outcome.access_token.data, "T");
                assert_int_equal(outcome.expires_in, rows[i].expires_in);
                assert_string_equal(outcome.scope, rows[i].scope);
                outcome_deinit(&outcome);
        }
}

static void test_answer_that_is_no_strict_json_object_is_malformed(void **state) {
        static const char *const rows[] = {
                "",
                " ",
                "null",
                "[]",
                "\"T\"",
                "<html>",
                "{",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\"",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\"}x",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\"}{}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",}",
                "{'access_token':\"T\",\"token_type\":\"Bearer\"}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":'y'}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":NaN}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":-Infinity}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":01}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":TRUE}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":\"a\nb\"}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":\"\xff\"}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",/**/\"x\":1}",
                "{\"access_token\\u0000x\":\"T\",\"token_type\":\"Bearer\"}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\\u0000\"}",
                "\xef\xbb\xbf{\"access_token\":\"T\",\"token_type\":\"Bearer\"}",
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                assert_malformed(slice_of(rows[i]), "not one JSON object");
        assert_malformed(SLICE("{\"access_token\":\"T\",\"token_type\":\"Bearer\"}\0"),
                         "not one JSON object");
        assert_malformed(SLICE("{\"access_token\":\"T\0\",\"token_type\":\"Bearer\"}"),
                         "not one JSON object");
}

static void test_member_that_is_there_twice_is_malformed(void **state) {
        static const char *const rows[] = {
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"access_token\":\"T\"}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"\\u0061ccess_token\":\"U\"}",
                "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"expires_in\":1,"
                "\"expires_in\":3600}",
                "{\"access_token\":\"T\",\"token_type\":\"mac\",\"token_type\":\"Bearer\"}",
                "{\"scope\":\"\\\\\",\"access_token\":\"T\",\"token_type\":\"Bearer\","
                "\"scope\":\"b\"}",
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                assert_malformed(slice_of(rows[i]), "a member is there twice");
}

static void test_bad_field_is_named(void **state) {
        static const struct {
                const char *members, *field;
        } rows[] = {
                {"\"token_type\":\"Bearer\"", "access_token is missing"},
                {"\"access_token\":null,\"token_type\":\"Bearer\"", "access_token is missing"},
                {"\"access_token\":7,\"token_type\":\"Bearer\"", "access_token is missing"},
                {"\"access_token\":\"\",\"token_type\":\"Bearer\"", "access_token has characters"},
                {"\"access_token\":\"a b\",\"token_type\":\"Bearer\"", "access_token has char"},
                {"\"access_token\":\"a\\r\\nb\",\"token_type\":\"Bearer\"",
                 "access_token has char"},
                {"\"access_token\":\"=a\",\"token_type\":\"Bearer\"",
                 "access_token has characters"},
                {"\"access_token\":\"a=b\",\"token_type\":\"Bearer\"", "access_token has char"},
                {"\"access_token\":\"a\xc3\xa9\",\"token_type\":\"Bearer\"", "access_token has"},
                {"\"access_token\":\"T\"", "token_type is missing"},
                {"\"access_token\":\"T\",\"token_type\":1", "token_type is missing"},
                {"\"access_token\":\"T\",\"token_type\":\"mac\"", "token_type is not Bearer"},
                {"\"access_token\":\"T\",\"token_type\":\"Bearer \"", "token_type is not Bearer"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char body[200];

                snprintf(body, sizeof body, "{%s}", rows[i].members);
                assert_malformed(slice_of(body), rows[i].field);
        }
}

static void test_every_character_of_the_b64token_alphabet_is_taken(void **state) {
        struct outcome outcome = answer(200, "{\"token_type\":\"Bearer\",\"access_token\":"
                                             "\"azAZ09-._~+\\/===\"}");

        assert_int_equal(outcome.kind, OUTCOME_GRANTED);
        assert_string_equal(outcome.access_token.data, "azAZ09-._~+/===");
        outcome_deinit(&outcome);
}

static void test_expires_in_that_is_no_whole_number_is_malformed(void **state) {
        static const char *const rows[] = {
                "0",
                "-1",
                "-0",
                "true",
                "false",
                "null",
                "1e9",
                "3600.0",
                "3600.5",
                "\"1e9\"",
                "\"\"",
                "\" 60\"",
                "\"60 \"",
                "\"+60\"",
                "\"-60\"",
                "\"60s\"",
                "\"0\"",
                "\"000\"",
                "[3600]",
                "{\"x\":3600}",
                "315360001",
                "\"315360001\"",
                "18446744073709551616",
                "99999999999999999999999",
                "\"18446744073709551617\"",
                "-99999999999999999999999",
                "\"0x10\"",
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char body[200];

                snprintf(body, sizeof body,
                         "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"expires_in\":%s}",
                         rows[i]);
                assert_malformed(slice_of(body), "expires_in is no whole number");
        }
}

static void test_scope_that_is_none_is_malformed(void **state) {
        static const struct {
                const char *scope, *words;
        } rows[] = {
                {"7", "scope is no string"},
                {"[\"a\"]", "scope is no string"},
                {"\" a\"", "scope has characters"},
                {"\"a \"", "scope has characters"},
                {"\"a  b\"", "scope has characters"},
                {"\"a\\tb\"", "scope has characters"},
                {"\"a\\\"b\"", "scope has characters"},
                {"\"a\\\\b\"", "scope has characters"},
                {"\"\xc3\xa9\"", "scope has characters"},
                {"\"a\x7f\"", "scope has characters"},
                {"\"x" CLIENT_SECRET "\"", "scope repeats a credential"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char body[200];

                snprintf(body, sizeof body,
                         "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"scope\":%s}",
                         rows[i].scope);
                assert_malformed(slice_of(body), rows[i].words);
        }
}

/* BEFORE, SIZE times C, AFTER */
static struct slice filled(const char *before, size_t size, char c, const char *after) {
        static char text[2 * OAUTH_BODY_MAX];
        size_t n = strlen(before);

        memcpy(text, before, n);
        memset(text + n, c, size);
        memcpy(text + n + size, after, strlen(after));
        return (struct slice){text, n + size + strlen(after)};
}

static void test_sizes_at_the_limit_are_taken_and_one_past_it_refused(void **state) {
        static const char good[] = "{\"access_token\":\"T\",\"token_type\":\"Bearer\"";
        size_t padding = OAUTH_BODY_MAX - strlen(good) - 1;
        const struct {
                const char *before;
                size_t size;
                char c;
                const char *after, *words;
        } rows[] = {
                {good, padding, ' ', "}", "longer than 65536 bytes"},
                {"{\"token_type\":\"Bearer\",\"access_token\":\"", SECRET_SIZE_MAX, 'x', "\"}",
                 "access_token is too long"},
                {"{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"scope\":\"",
                 OUTCOME_SCOPE_MAX, 'x', "\"}", "scope is too long"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct slice body = filled(rows[i].before, rows[i].size, rows[i].c, rows[i].after);
                struct outcome outcome = answer_slice(200, body);

                assert_string_equal(outcome.message, "");
                assert_int_equal(outcome.kind, OUTCOME_GRANTED);
                outcome_deinit(&outcome);
                body = filled(rows[i].before, rows[i].size + 1, rows[i].c, rows[i].after);
                assert_malformed(body, rows[i].words);
        }
}

static void test_depth_at_the_limit_is_taken_and_one_past_it_refused(void **state) {
        struct outcome outcome = answer(
                200, "{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":[[[[[[1]]]]]]}");

        assert_int_equal(outcome.kind, OUTCOME_GRANTED);
        outcome_deinit(&outcome);
        assert_malformed(
                SLICE("{\"access_token\":\"T\",\"token_type\":\"Bearer\",\"x\":[[[[[[[1]]]]]]]}"),
                "not one JSON object");
}

static void test_no_other_status_than_200_brings_a_token(void **state) {
        static const int statuses[] = {201, 202, 204, 206, 226, 299, 302, 400, 500};

        for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
                struct outcome outcome =
                        answer(statuses[i], "{\"access_token\":\"T\",\"token_type\":\"Bearer\"}");

                assert_int_not_equal(outcome.kind, OUTCOME_GRANTED);
                assert_null(outcome.access_token.data);
                if (statuses[i] < 300)
                        assert_int_equal(outcome.kind, OUTCOME_FAILED);
                outcome_deinit(&outcome);
        }
}

static void test_error_with_200_is_told_and_still_no_token(void **state) {
        struct outcome outcome = answer(200, "{\"error\":\"bad_verification_code\","
                                             "\"error_description\":\"It is over.\"}");

        assert_int_equal(outcome.kind, OUTCOME_FAILED);
        assert_string_equal(outcome.error, "bad_verification_code");
        assert_string_equal(outcome.message,
                            "HTTP 200 bad_verification_code: no token, access_token is missing or "
                            "no string; the endpoint says: It is over.");
}

/* What refuses one */

static void test_status_and_error_say_what_kind_of_failure_it_is(void **state) {
        static const struct {
                int status;
                const char *error;
                enum outcome_kind kind;
                const char *words;
        } rows[] = {
                {300, "", OUTCOME_DENIED, "a redirect is never followed, check token_url"},
                {302, "", OUTCOME_DENIED, "a redirect is never followed, check token_url"},
                {307, "server_error", OUTCOME_DENIED, "a redirect is never followed"},
                {399, "", OUTCOME_DENIED, "a redirect is never followed"},
                {400, "", OUTCOME_DENIED, "check client_id, client_secret, scope and token_url"},
                {400, "invalid_client", OUTCOME_DENIED, "check client_id, client_secret and basic"},
                {400, "invalid_grant", OUTCOME_DENIED, "check client_id"},
                {400, "invalid_request", OUTCOME_DENIED, "check token_url and basic_encoding"},
                {400, "invalid_scope", OUTCOME_DENIED, "check scope"},
                {400, "unauthorized_client", OUTCOME_DENIED, "check scope"},
                {400, "access_denied", OUTCOME_DENIED, "check scope"},
                {400, "unsupported_grant_type", OUTCOME_DENIED, "check token_url"},
                {400, "something_else", OUTCOME_DENIED, "check client_id"},
                {400, "temporarily_unavailable", OUTCOME_FAILED, "it is tried again"},
                {400, "server_error", OUTCOME_FAILED, "it is tried again"},
                {400, "slow_down", OUTCOME_FAILED, "it is tried again"},
                {401, "", OUTCOME_DENIED, "check client_id, client_secret"},
                {401, "server_error", OUTCOME_DENIED, "check client_id, client_secret"},
                {401, "invalid_scope", OUTCOME_DENIED, "check scope"},
                {403, "", OUTCOME_DENIED, "check scope and the client's permissions"},
                {403, "invalid_client", OUTCOME_DENIED, "check client_id, client_secret"},
                {404, "", OUTCOME_DENIED, "check token_url"},
                {405, "", OUTCOME_DENIED, "check token_url"},
                {407, "", OUTCOME_DENIED, "check token_url"},
                {408, "", OUTCOME_FAILED, "it is tried again"},
                {409, "", OUTCOME_DENIED, "check token_url"},
                {425, "", OUTCOME_FAILED, "it is tried again"},
                {429, "", OUTCOME_FAILED, "too many requests"},
                {429, "invalid_client", OUTCOME_FAILED, "too many requests"},
                {499, "", OUTCOME_DENIED, "check token_url"},
                {500, "", OUTCOME_FAILED, "it is tried again"},
                {500, "invalid_client", OUTCOME_FAILED, "it is tried again"},
                {502, "", OUTCOME_FAILED, "it is tried again"},
                {503, "", OUTCOME_FAILED, "it is tried again"},
                {599, "", OUTCOME_FAILED, "it is tried again"},
                {100, "", OUTCOME_FAILED, "it is tried again"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct outcome outcome;
                char body[100];

                snprintf(body, sizeof body, "{\"error\":\"%s\"}", rows[i].error);
                outcome = answer(rows[i].status, body);
                if (outcome.kind != rows[i].kind || !strstr(outcome.message, rows[i].words))
                        fail_msg("%d %s: kind %d, '%s'", rows[i].status, rows[i].error,
                                 (int)outcome.kind, outcome.message);
                assert_string_equal(outcome.error, rows[i].error);
        }
}

static void test_errors_in_every_shape_are_told(void **state) {
        static const struct {
                int status;
                const char *body, *error, *message;
        } rows[] = {
                {401, "{\"error\":\"invalid_client\",\"error_description\":\"No such\\nclient.\"}",
                 "invalid_client",
                 "HTTP 401 invalid_client: check client_id, client_secret and basic_encoding; the "
                 "endpoint says: No such client."},
                {403, "{\"error\":\"Forbidden\",\"detailedmessage\":\"Not for \\\"you\\\"\"}",
                 "Forbidden",
                 "HTTP 403 Forbidden: check scope and the client's permissions; the endpoint says: "
                 "Not for 'you'"},
                {403, "{\"message\":\"Forbidden\"}", "",
                 "HTTP 403: check scope and the client's permissions; the endpoint says: Forbidden"},
                {403, "", "",
                 "HTTP 403 with an empty body: check client_id, client_secret and scope"},
                {502, " \n<html><h1>Bad gateway</h1></html>", "",
                 "HTTP 502 with an HTML page: nothing to do, it is tried again"},
                {503, "upstream connect error", "",
                 "HTTP 503 with text: nothing to do, it is tried again"},
                {500, "{\"x\":1}", "", "HTTP 500 with JSON: nothing to do, it is tried again"},
                {500, "{\"error\":7,\"error_description\":[]}", "",
                 "HTTP 500 with JSON: nothing to do, it is tried again"},
                {500, "{\"error\":\"a\",\"error\":\"b\"} junk", "b",
                 "HTTP 500 b: nothing to do, it is tried again"},
                {500, "[[[[[[[[[[[[", "", "HTTP 500 with text: nothing to do, it is tried again"},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct outcome outcome = answer(rows[i].status, rows[i].body);

                assert_string_equal(outcome.error, rows[i].error);
                assert_string_equal(outcome.message, rows[i].message);
        }
}

static void test_long_error_texts_are_cut(void **state) {
        struct slice body = filled("{\"error\":\"", 5000, 'e', "\"}");
        struct outcome outcome = answer_slice(500, body);

        assert_int_equal(strlen(outcome.error), OUTCOME_ERROR_MAX);
        body = filled("{\"error_description\":\"", 5000, 'd', "\"}");
        outcome = answer_slice(500, body);
        assert_int_equal(strlen(outcome.message), OUTCOME_MESSAGE_MAX);
        assert_string_equal(outcome.message + OUTCOME_MESSAGE_MAX - 4, "d...");
}

static void test_text_that_repeats_a_credential_is_withheld(void **state) {
        static const char *const rows[] = {
                "\"error_description\":\"x " CLIENT_SECRET " y\"",
                "\"error_description\":\"s3cr\\u002bt\\/9 x\"",
                "\"detailedmessage\":\"s3cr%2Bt%2F9+x\"",
                "\"message\":\"s3cr%2bt%2f9+x\"",
                "\"error_description\":\"Basic bXktaWQ6czNjciUyQnQlMkY5K3g=\"",
                "\"error_description\":\"bXktaWQ6czNjciUyQnQlMkY5K3g= no\"",
        };

        assert_string_equal(basic.data, "Basic bXktaWQ6czNjciUyQnQlMkY5K3g=");
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct outcome outcome;
                char body[200];

                snprintf(body, sizeof body, "{\"error\":\"e\",%s}", rows[i]);
                outcome = answer(401, body);
                assert_string_equal(outcome.error, "e");
                assert_string_equal(outcome.message,
                                    "HTTP 401 e: check client_id, client_secret and basic_encoding;"
                                    " the endpoint says: (withheld: it contains a credential)");
        }
        assert_string_equal(answer(401, "{\"error\":\"" CLIENT_SECRET "\"}").error,
                            "(withheld: it contains a credential)");
}

/* Stray bytes of UTF-8 are left out of what is shown, white space is one space in it. */
static void test_bytes_that_are_not_shown_hide_no_credential(void **state) {
        static const char *const rows[] = {
                "{\"error_description\":\"s3c\x80r+t/9\xbf x\"}",
                "{\"error_description\":\"s3cr+t/9 \\t\\n x\"}",
                "{\"message\":\"s3cr%2Bt\x8f%2F9+x\"}",
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                assert_non_null(strstr(answer(401, rows[i]).message, "(withheld"));
}

static void test_credential_behind_the_cut_withholds_what_is_before_it(void **state) {
        struct outcome outcome = answer_slice(
                400, filled("{\"error_description\":\"", 250, 'd', CLIENT_SECRET "\"}"));

        assert_non_null(strstr(outcome.message, "(withheld"));
        assert_null(strstr(outcome.message, "s3cr"));
}

static void test_secret_of_three_bytes_is_not_looked_for(void **state) {
        struct secret shorter = SECRET_INIT;
        struct outcome outcome = OUTCOME_INIT;

        struct oauth_asked asked = {"token_url", CLIENT_AUTH_BASIC, 1, &shorter, &basic};

        assert_int_equal(secret_set(&shorter, "the", 3), 0);
        assert_int_equal(
                oauth_answer(401, SLICE("{\"error_description\":\"the end\"}"), &asked, &outcome),
                0);
        assert_non_null(strstr(outcome.message, "the end"));
        assert_int_equal(secret_set(&shorter, "then", 4), 0);
        assert_int_equal(
                oauth_answer(401, SLICE("{\"error_description\":\"then\"}"), &asked, &outcome), 0);
        assert_non_null(strstr(outcome.message, "(withheld"));
        secret_deinit(&shorter);
}

static void test_assertion_is_withheld_too(void **state) {
        char text[] = "e30.e30.c2lnbmF0dXJl";
        struct secret assertion = {text, sizeof text - 1}, none = SECRET_INIT;
        struct oauth_asked asked = {"token_url", CLIENT_AUTH_PRIVATE_KEY_JWT, 1, &assertion, &none};
        struct outcome outcome = OUTCOME_INIT;

        assert_int_equal(oauth_answer(401,
                                      SLICE("{\"error_description\":\"no e30.e30.c2lnbmF0dXJl\"}"),
                                      &asked, &outcome),
                         0);
        assert_non_null(strstr(outcome.message, "(withheld"));
}

/* Whatever the way, the operator reads which settings it is about. */
static void test_advice_is_about_the_way_in_use(void **state) {
        static const struct {
                enum client_auth auth;
                int status;
                const char *error, *advice;
        } rows[] = {
                {CLIENT_AUTH_BASIC, 401, "x", "check client_id, client_secret and basic_encoding"},
                {CLIENT_AUTH_BASIC, 400, "x", "check client_id, client_secret, scope and token"},
                {CLIENT_AUTH_BASIC, 400, "invalid_request", "token_url and basic_encoding"},
                {CLIENT_AUTH_POST, 401, "x", "check client_id, client_secret and client_auth"},
                {CLIENT_AUTH_PRIVATE_KEY_JWT, 401, "x",
                 "check client_id, private_key, key_id, signing_algorithm, assertion_audience and "
                 "this host's clock"},
                {CLIENT_AUTH_TLS, 401, "x", "check client_id, client_certificate and client_auth"},
                {CLIENT_AUTH_SELF_SIGNED_TLS, 400, "x",
                 "check client_id, client_certificate, scope and token_url"},
                {CLIENT_AUTH_NONE, 401, "x", "check client_id and client_auth"},
                {CLIENT_AUTH_NONE, 403, "x", "check scope and the client's permissions"},
        };
        const struct secret none = SECRET_INIT;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct oauth_asked asked = {"token_url", rows[i].auth, 1, &none, &none};
                struct outcome outcome = OUTCOME_INIT;
                char body[64];

                snprintf(body, sizeof body, "{\"error\":\"%s\"}", rows[i].error);
                assert_int_equal(oauth_answer(rows[i].status, slice_of(body), &asked, &outcome), 0);
                if (!strstr(outcome.message, rows[i].advice))
                        fail_msg("'%s' instead of '%s'", outcome.message, rows[i].advice);
        }
}

static void test_retry_after_is_seconds_or_a_date(void **state) {
        static const struct {
                const char *value;
                uint64_t seconds;
        } rows[] = {
                {"0", 0},
                {"1", 1},
                {" 120\t", 120},
                {"86400", OAUTH_RETRY_AFTER_MAX},
                {"86401", OAUTH_RETRY_AFTER_MAX},
                {"99999999999999999999999999", OAUTH_RETRY_AFTER_MAX},
                {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
                {"Sunday, 06-Nov-94 08:49:38 GMT", 1},
                {"Sun Nov  6 08:49:37 1994", 0},
                {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
                {"Sun, 06 Nov 2094 08:49:36 GMT", OAUTH_RETRY_AFTER_MAX},
                {"", 0},
                {" ", 0},
                {"-1", 0},
                {"+5", 0},
                {"1.5", 0},
                {"5 seconds", 0},
                {"soon", 0},
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                assert_int_equal(oauth_retry_after(slice_of(rows[i].value), 784111777),
                                 rows[i].seconds);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_basic_is_base64_of_id_and_secret),
                cmocka_unit_test(test_colon_in_an_id_is_sent_encoded_or_not_at_all),
                cmocka_unit_test(test_basic_at_the_limit_fits_and_one_past_it_is_refused),
                cmocka_unit_test(test_form_has_grant_type_and_scope),
                cmocka_unit_test(test_form_has_what_the_client_authenticates_with),
                cmocka_unit_test(test_form_has_what_is_asked_for_besides),
                cmocka_unit_test(test_good_answer_is_a_token),
                cmocka_unit_test(test_answer_that_is_no_strict_json_object_is_malformed),
                cmocka_unit_test(test_member_that_is_there_twice_is_malformed),
                cmocka_unit_test(test_bad_field_is_named),
                cmocka_unit_test(test_every_character_of_the_b64token_alphabet_is_taken),
                cmocka_unit_test(test_expires_in_that_is_no_whole_number_is_malformed),
                cmocka_unit_test(test_scope_that_is_none_is_malformed),
                cmocka_unit_test(test_sizes_at_the_limit_are_taken_and_one_past_it_refused),
                cmocka_unit_test(test_depth_at_the_limit_is_taken_and_one_past_it_refused),
                cmocka_unit_test(test_no_other_status_than_200_brings_a_token),
                cmocka_unit_test(test_error_with_200_is_told_and_still_no_token),
                cmocka_unit_test(test_status_and_error_say_what_kind_of_failure_it_is),
                cmocka_unit_test(test_errors_in_every_shape_are_told),
                cmocka_unit_test(test_long_error_texts_are_cut),
                cmocka_unit_test(test_text_that_repeats_a_credential_is_withheld),
                cmocka_unit_test(test_bytes_that_are_not_shown_hide_no_credential),
                cmocka_unit_test(test_credential_behind_the_cut_withholds_what_is_before_it),
                cmocka_unit_test(test_secret_of_three_bytes_is_not_looked_for),
                cmocka_unit_test(test_assertion_is_withheld_too),
                cmocka_unit_test(test_advice_is_about_the_way_in_use),
                cmocka_unit_test(test_retry_after_is_seconds_or_a_date),
        };

        return cmocka_run_group_tests(tests, make_credentials, drop_credentials);
}
