/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "asked.h"
#include "base/secret.h"
#include "core/outcome.h"
#include "wire/api.h"
#include "wire/epoch.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* Through the codec, as on a socket. TAIL: further headers, the empty line and the body. */
static int parse(const char *first, const char *tail, struct api_request *ret_request,
                 struct api_error *ret_error) {
        struct buffer data = BUFFER_INIT(16384);
        struct http1_request http;
        int r;

        asked(&data, first, tail, &http);
        r = api_request_parse(&http, ret_request, ret_error);
        buffer_deinit(&data);
        return r;
}

#define FORM                                                                                       \
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\n\r\n"            \
        "grant_type=client_credentials"

static const struct {
        const char *first;
        const char *tail;
        struct api_request request;
} served[] = {
        {"GET /v1/token", "\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET http://localhost/v1/token", "\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token?", "\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token/header", "\r\n", {API_TOKEN, "", false, API_HEADER, 0, 0, 20}},
        {"GET /v1/tokens", "\r\n", {API_TOKENS, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/tokens/athena", "\r\n", {API_TOKEN, "athena", false, API_JSON, 0, 0, 20}},
        {"GET /v1/tokens/a/header", "\r\n", {API_TOKEN, "a", false, API_HEADER, 0, 0, 20}},
        {"GET /v1/tokens/header", "\r\n", {API_TOKEN, "header", false, API_JSON, 0, 0, 20}},
        {"GET /v1/tokens/a2345678901234567890123456789012",
         "\r\n",
         {API_TOKEN, "a2345678901234567890123456789012", false, API_JSON, 0, 0, 20}},
        /* The query. */
        {"GET /v1/tokens/a?after=41", "\r\n", {API_TOKEN, "a", false, API_JSON, 41, 0, 20}},
        {"GET /v1/token?after=0", "\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token?after=18446744073709551615",
         "\r\n",
         {API_TOKEN, "", false, API_JSON, UINT64_MAX, 0, 20}},
        {"GET /v1/token?min_valid=9999999999",
         "\r\n",
         {API_TOKEN, "", false, API_JSON, 0, 9999999999, 20}},
        {"GET /v1/token?wait=0", "\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 0}},
        {"GET /v1/token?wait=60", "\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 60}},
        {"GET /v1/token/header?wait=5&min_valid=300&after=7",
         "\r\n",
         {API_TOKEN, "", false, API_HEADER, 7, 300, 5}},
        /* Events. Who comes back is where its last event was, whatever its URL says. */
        {"GET /v1/tokens/a/events", "\r\n", {API_EVENTS, "a", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token/events?after=41", "\r\n", {API_EVENTS, "", false, API_JSON, 41, 0, 20}},
        {"GET /v1/tokens/events", "\r\n", {API_TOKEN, "events", false, API_JSON, 0, 0, 20}},
        {"GET /v1/tokens/a/events?after=41",
         "Accept: text/event-stream\r\nLast-Event-ID: 42\r\n\r\n",
         {API_EVENTS, "a", false, API_JSON, 42, 0, 20}},
        {"GET /v1/token/events",
         "Accept: text/plain\r\nlast-event-id:0\r\n\r\n",
         {API_EVENTS, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token?after=1",
         "Last-Event-ID: x\r\n\r\n",
         {API_TOKEN, "", false, API_JSON, 1, 0, 20}},
        /* Accept. */
        {"GET /v1/token", "Accept:\r\n\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token", "Accept: */*\r\n\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token", "Accept: text/html\r\n\r\n", {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token",
         "Accept: text/plain\r\n\r\n",
         {API_TOKEN, "", false, API_PLAIN, 0, 0, 20}},
        {"GET /v1/tokens/a",
         "Accept: Text/Plain;q=0.1\r\n\r\n",
         {API_TOKEN, "a", false, API_PLAIN, 0, 0, 20}},
        {"GET /v1/token",
         "Accept: text/html, text/plain ;q=1 , */*\r\n\r\n",
         {API_TOKEN, "", false, API_PLAIN, 0, 0, 20}},
        {"GET /v1/token",
         "Accept: application/json, text/plain, */*\r\n\r\n",
         {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token",
         "Accept: application/*;q=0.1, text/plain\r\n\r\n",
         {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token",
         "Accept: */*;q=0.1,text/plain\r\n\r\n",
         {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token",
         "Accept: text/plainer\r\n\r\n",
         {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"GET /v1/token/header",
         "Accept: text/plain\r\n\r\n",
         {API_TOKEN, "", false, API_HEADER, 0, 0, 20}},
        {"GET /v1/tokens",
         "Accept: text/plain\r\n\r\n",
         {API_TOKENS, "", false, API_JSON, 0, 0, 20}},
        /* The drop-in: always JSON, RFC 6749 5.1. */
        {"POST /oauth2/v1/token", FORM, {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"POST /oauth2/v1/token?wait=3", FORM, {API_TOKEN, "", false, API_JSON, 0, 0, 3}},
        {"POST /oauth2/v1/token",
         "Accept: text/plain\r\n" FORM,
         {API_TOKEN, "", false, API_JSON, 0, 0, 20}},
        {"POST /oauth2/v1/token",
         "Authorization: Basic YXRoZW5hOnMzY3JldA==\r\n" FORM,
         {API_TOKEN, "athena", true, API_JSON, 0, 0, 20}},
};

static void test_each_request_is_understood(void **state) {
        for (size_t i = 0; i < LENGTH(served); i++) {
                const struct api_request *expected = &served[i].request;
                struct api_error error = {0};
                struct api_request request;

                if (parse(served[i].first, served[i].tail, &request, &error) != 0)
                        fail_msg("case %zu: %s: %s", i, served[i].first, error.description);
                if (request.route != expected->route || strcmp(request.name, expected->name) != 0 ||
                    request.name_is_hint != expected->name_is_hint ||
                    request.format != expected->format || request.after != expected->after ||
                    request.min_valid != expected->min_valid || request.wait != expected->wait)
                        fail_msg("case %zu: %s", i, served[i].first);
        }
}

static const struct {
        const char *first;
        const char *tail;
        int status;
        const char *error;
        const char *description; /* a part of it */
        const char *allow;
} refused[] = {
        {"GET /", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1", "\r\n", 404, "not_found", "\"/v1\"", NULL},
        {"GET /v1/token/", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET //v1/token", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/%74oken", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /V1/token", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/token/headers", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/tokens/a/", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/tokens/a/event", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/tokens/a/events/", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/tokens/a/header/", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/status", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/tokens/", "\r\n", 404, "not_found", "a-z, 0-9", NULL},
        {"GET /v1/tokens//header", "\r\n", 404, "not_found", "a-z, 0-9", NULL},
        {"GET /v1/tokens/Athena", "\r\n", 404, "not_found", "\"Athena\" is no name", NULL},
        {"GET /v1/tokens/a%62", "\r\n", 404, "not_found", "a-z, 0-9", NULL},
        {"GET /v1/tokens/../x", "\r\n", 404, "not_found", "/v1/token", NULL},
        {"GET /v1/tokens/a23456789012345678901234567890123", "\r\n", 404, "not_found",
         "\"a2345678901234567890123456789012...\" is no name", NULL},
        /* Methods. */
        {"HEAD /v1/token", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"get /v1/token", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"POST /v1/tokens", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"DELETE /v1/tokens/a", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"OPTIONS /v1/tokens/a/header", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"GET /oauth2/v1/token", "\r\n", 405, "method_not_allowed", "POST", "POST"},
        /* The query. */
        {"GET /v1/token?x", "\r\n", 400, "invalid_request", "\"x\" is no query parameter", NULL},
        {"GET /v1/token?x=1", "\r\n", 400, "invalid_request", "after, min_valid and wait", NULL},
        {"GET /v1/token?=1", "\r\n", 400, "invalid_request", "\"\" is no query parameter", NULL},
        {"GET /v1/token?After=1", "\r\n", 400, "invalid_request", "\"After\"", NULL},
        {"GET /v1/token?%61fter=1", "\r\n", 400, "invalid_request", "\"%61fter\"", NULL},
        {"GET /v1/token?<x>\"\\=1", "\r\n", 400, "invalid_request",
         "\"<x>?"
         "?\"",
         NULL},
        {"GET /v1/token/events?wait=1", "\r\n", 400, "invalid_request", "it has: after", NULL},
        {"GET /v1/token/events", "Last-Event-ID: x\r\n\r\n", 400, "invalid_request",
         "Last-Event-ID must be", NULL},
        {"GET /v1/token/events", "Last-Event-ID:\r\n\r\n", 400, "invalid_request",
         "Last-Event-ID must be", NULL},
        {"GET /v1/token/events?after=x", "Last-Event-ID: 1\r\n\r\n", 400, "invalid_request",
         "after must be", NULL},
        {"POST /v1/token/events", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"GET /v1/tokens?wait=1", "\r\n", 400, "invalid_request", "it has: none", NULL},
        {"POST /oauth2/v1/token?after=1", FORM, 400, "invalid_request", "it has: wait", NULL},
        {"GET /v1/token?after=1&after=1", "\r\n", 400, "invalid_request", "after is there twice",
         NULL},
        {"GET /v1/token?wait=1&after=1&wait=2", "\r\n", 400, "invalid_request",
         "wait is there twice", NULL},
        {"GET /v1/token?after=", "\r\n", 400, "invalid_request", "after must be", NULL},
        {"GET /v1/token?after", "\r\n", 400, "invalid_request", "after must be", NULL},
        {"GET /v1/token?after=18446744073709551616", "\r\n", 400, "invalid_request",
         "18446744073709551615", NULL},
        {"GET /v1/token?after=-1", "\r\n", 400, "invalid_request", "after must be", NULL},
        {"GET /v1/token?after=%31", "\r\n", 400, "invalid_request", "after must be", NULL},
        {"GET /v1/token?min_valid=10000000000", "\r\n", 400, "invalid_request", "9999999999", NULL},
        {"GET /v1/token?min_valid=5m", "\r\n", 400, "invalid_request", "min_valid must be", NULL},
        {"GET /v1/token?wait=61", "\r\n", 400, "invalid_request", "from 0 to 60", NULL},
        {"GET /v1/token?wait=4294967297", "\r\n", 400, "invalid_request", "from 0 to 60", NULL},
        {"GET /v1/token?wait=+1", "\r\n", 400, "invalid_request", "from 0 to 60", NULL},
        {"GET /v1/token?wait=1.5", "\r\n", 400, "invalid_request", "from 0 to 60", NULL},
        /* The grant. */
        {"POST /oauth2/v1/token", "\r\n", 400, "invalid_request", "client_credentials", NULL},
        {"POST /oauth2/v1/token",
         "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 19\r\n\r\n"
         "grant_type=password",
         400, "unsupported_grant_type", "client_credentials", NULL},
};

static void test_what_is_not_understood_is_refused_in_words(void **state) {
        for (size_t i = 0; i < LENGTH(refused); i++) {
                struct api_request request = {.wait = 999};
                struct api_error error = {0};

                if (parse(refused[i].first, refused[i].tail, &request, &error) != -EBADMSG ||
                    error.status != refused[i].status ||
                    strcmp(error.error, refused[i].error) != 0 ||
                    !strstr(error.description, refused[i].description) ||
                    (refused[i].allow ? !error.allow || strcmp(error.allow, refused[i].allow) != 0
                                      : error.allow != NULL) ||
                    request.wait != 999)
                        fail_msg("case %zu: %s: %d %s", i, refused[i].first, error.status,
                                 error.description);
        }
}

static void test_an_error_repeats_little_of_a_path_and_nothing_of_a_secret(void **state) {
        char first[4096] = "GET /";
        struct api_request request;
        struct api_error error;

        memset(first + 5, 'x', sizeof first - 6);
        assert_int_equal(parse(first, "\r\n", &request, &error), -EBADMSG);
        assert_true(strlen(error.description) < 200);
        assert_int_equal(parse("POST /oauth2/v1/token",
                               "Authorization: Basic YXRoZW5hOnMzY3JldA==\r\n"
                               "Content-Type: s3cret\r\nContent-Length: 6\r\n\r\ns3cret",
                               &request, &error),
                         -EBADMSG);
        assert_null(strstr(error.description, "s3cret"));
}

static const struct api_token token = {
        .name = "athena",
        .access_token = SLICE_INIT("eyJ.tok-en"),
        .expires_in = 3127,
        .expires_at = 1790000000,
        .served_for = 3067,
        .generation = 42,
        .scope = "athena/service/Athenanet.MDP.*",
        .practice_id = "195900",
        .epoch_file = "/run/bearerd/pub/epoch",
        .epoch_slot = 7,
        .epoch = 81723,
};

static void assert_rendered(struct buffer *out, const char *expected) {
        assert_int_equal(buffer_error(out), 0);
        if (!slice_is(buffer_slice(out), expected))
                fail_msg("%.*s", (int)out->size, out->data);
        buffer_clear(out);
}

static void test_a_token_is_rendered_in_each_format(void **state) {
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct http1_response response;
        struct api_token bare = token;

        api_token_render(&out, &token, API_JSON, HTTP1_KEPT);
        assert_rendered(&out, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                              "Content-Type: application/json\r\nContent-Length: 274\r\n\r\n"
                              "{\"access_token\":\"eyJ.tok-en\",\"token_type\":\"Bearer\","
                              "\"expires_in\":3127,\"scope\":\"athena/service/Athenanet.MDP.*\","
                              "\"name\":\"athena\",\"generation\":42,\"expires_at\":1790000000,"
                              "\"practice_id\":\"195900\",\"served_for\":3067,"
                              "\"epoch_file\":\"/run/bearerd/pub/epoch\",\"epoch_slot\":7,"
                              "\"epoch\":81723}");
        bare.scope = bare.practice_id = "";
        bare.epoch = 0;
        api_token_render(&out, &bare, API_JSON, HTTP1_CLOSED);
        assert_rendered(&out, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                              "Content-Type: application/json\r\nConnection: close\r\n"
                              "Content-Length: 143\r\n\r\n"
                              "{\"access_token\":\"eyJ.tok-en\",\"token_type\":\"Bearer\","
                              "\"expires_in\":3127,\"name\":\"athena\",\"generation\":42,"
                              "\"expires_at\":1790000000,\"served_for\":3067}");
        bare.epoch = 1;
        bare.epoch_file = NULL;
        api_token_render(&out, &bare, API_JSON, HTTP1_CLOSED);
        assert_int_equal(http1_response_parse(buffer_slice(&out), &response), out.size);
        assert_int_equal(response.body.size, 143);
        buffer_clear(&out);
        api_token_render(&out, &token, API_PLAIN, HTTP1_KEPT);
        assert_rendered(&out, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Length: 11\r\n\r\neyJ.tok-en\n");
        api_token_render(&out, &token, API_HEADER, HTTP1_KEPT);
        assert_rendered(&out, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Length: 33\r\n\r\nAuthorization: Bearer eyJ.tok-en\n");
        buffer_deinit(&out);
}

/* What is queued already stays as it is, and each answer reads back behind the other. */
static void test_answers_queue_up_in_one_buffer(void **state) {
        static const enum api_format formats[] = {API_PLAIN, API_JSON, API_HEADER};
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct http1_response response;

        for (size_t i = 0; i < LENGTH(formats); i++)
                api_token_render(&out, &token, formats[i], HTTP1_KEPT);
        for (size_t i = 0; i < LENGTH(formats); i++) {
                ssize_t size = http1_response_parse(buffer_slice(&out), &response);

                assert_true(size > 0);
                assert_int_equal(response.status, 200);
                if (formats[i] == API_PLAIN)
                        assert_true(slice_is(response.body, "eyJ.tok-en\n"));
                buffer_consume(&out, (size_t)size);
        }
        assert_int_equal(out.size, 0);
        buffer_deinit(&out);
}

static void test_the_largest_token_fits_and_one_byte_less_is_an_error(void **state) {
        static char value[SECRET_SIZE_MAX], scope[OUTCOME_SCOPE_MAX + 1], practice_id[4096 + 1],
                epoch_file[EPOCH_PATH_MAX + 1];
        struct api_token largest = {.name = "a2345678901234567890123456789012",
                                    .access_token = {value, sizeof value},
                                    .expires_in = UINT64_MAX,
                                    .expires_at = UINT64_MAX,
                                    .served_for = UINT64_MAX,
                                    .generation = UINT64_MAX,
                                    .scope = scope,
                                    .practice_id = practice_id,
                                    .epoch_file = epoch_file,
                                    .epoch_slot = UINT32_MAX,
                                    .epoch = UINT64_MAX};
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct http1_response response;
        size_t size;

        memset(value, 'A', sizeof value);
        memset(scope, '"', OUTCOME_SCOPE_MAX);
        memset(epoch_file, 1, EPOCH_PATH_MAX); /* of which each is six bytes of JSON */
        memset(practice_id, '"', 4096);        /* a whole line of the configuration */
        api_token_render(&out, &largest, API_JSON, HTTP1_CLOSED);
        assert_int_equal(buffer_error(&out), 0);
        size = out.size;
        assert_int_equal(http1_response_parse(buffer_slice(&out), &response), size);
        buffer_deinit(&out);
        out = BUFFER_INIT(size - 1);
        api_token_render(&out, &largest, API_JSON, HTTP1_CLOSED);
        assert_int_equal(buffer_error(&out), -ENOBUFS);
        buffer_deinit(&out);
}

static void test_a_list_says_all_that_is_known(void **state) {
        static const struct api_token_status tokens[] = {
                {"athena", true, true, 42, 3127, 1790000000, 3067, false, 2700, "a/b", "195900",
                 0,        7,    5,    0,  "",   UINT64_MAX, 0,    "",    "",   3600},
                {"other",
                 false,
                 false,
                 0,
                 0,
                 0,
                 UINT64_MAX,
                 true,
                 UINT64_MAX,
                 "",
                 "",
                 3,
                 0,
                 0,
                 2,
                 "denied",
                 12,
                 401,
                 "invalid_client",
                 "the endpoint said \"no\"",
                 0},
                {"third",    false, false, 0,        0, 0, UINT64_MAX, false,
                 30,         "",    "",    0,        0, 0, 1,          "misconfigured",
                 UINT64_MAX, 0,     NULL,  "no file"},
        };
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct http1_response response;

        api_tokens_render(&out, tokens, LENGTH(tokens), HTTP1_KEPT);
        assert_int_equal(http1_response_parse(buffer_slice(&out), &response), out.size);
        assert_true(slice_is(response.content_type, "application/json"));
        if (!slice_is(
                    response.body,
                    "{\"tokens\":[{\"name\":\"athena\",\"is_default\":true,\"valid\":true,"
                    "\"generation\":42,\"expires_in\":3127,\"expires_at\":1790000000,"
                    "\"lifetime\":3600,\"served_for\":3067,\"fetching\":false,"
                    "\"next_attempt\":2700,"
                    "\"scope\":\"a/b\",\"practice_id\":\"195900\",\"waiting\":0,\"streams\":7,\"renewals\":5,"
                    "\"failures\":0},"
                    "{\"name\":\"other\",\"is_default\":false,\"valid\":false,\"generation\":0,"
                    "\"expires_in\":0,\"expires_at\":0,\"lifetime\":0,\"fetching\":true,\"waiting\":3,\"streams\":0,"
                    "\"renewals\":0,\"failures\":2,\"last_error\":{\"kind\":\"denied\","
                    "\"age\":12,\"upstream_status\":401,\"upstream_error\":\"invalid_client\","
                    "\"message\":\"the endpoint said \\\"no\\\"\"}},"
                    "{\"name\":\"third\",\"is_default\":false,\"valid\":false,\"generation\":0,"
                    "\"expires_in\":0,\"expires_at\":0,\"lifetime\":0,\"fetching\":false,\"next_attempt\":30,"
                    "\"waiting\":0,\"streams\":0,\"renewals\":0,\"failures\":1,"
                    "\"last_error\":{\"kind\":\"misconfigured\",\"message\":\"no file\"}}]}"))
                fail_msg("%.*s", (int)out.size, out.data);
        buffer_clear(&out);
        api_tokens_render(&out, NULL, 0, HTTP1_KEPT);
        assert_int_equal(http1_response_parse(buffer_slice(&out), &response), out.size);
        assert_true(slice_is(response.body, "{\"tokens\":[]}"));
        buffer_deinit(&out);
}

static void test_errors_are_json_with_what_the_endpoint_said(void **state) {
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);

        api_error_render(&out,
                         &(struct api_error){503, "temporarily_unavailable", "none \"yet\"",
                                             .retry_after = 7},
                         true);
        assert_rendered(&out, "HTTP/1.1 503 Service Unavailable\r\nCache-Control: no-store\r\n"
                              "Content-Type: application/json\r\nRetry-After: 7\r\n"
                              "Content-Length: 70\r\n\r\n"
                              "{\"error\":\"temporarily_unavailable\","
                              "\"error_description\":\"none \\\"yet\\\"\"}");
        api_error_render(&out,
                         &(struct api_error){502, "upstream_denied", "no", .upstream_status = 401,
                                             .upstream_error = "invalid_client"},
                         true);
        assert_rendered(&out, "HTTP/1.1 502 Bad Gateway\r\nCache-Control: no-store\r\n"
                              "Content-Type: application/json\r\nContent-Length: 108\r\n\r\n"
                              "{\"error\":\"upstream_denied\",\"error_description\":\"no\","
                              "\"upstream_status\":401,\"upstream_error\":\"invalid_client\"}");
        api_error_render(&out,
                         &(struct api_error){405, "method_not_allowed", "no", .allow = "GET",
                                             .upstream_error = ""},
                         false);
        assert_rendered(&out, "HTTP/1.1 405 Method Not Allowed\r\nCache-Control: no-store\r\n"
                              "Content-Type: application/json\r\nAllow: GET\r\n"
                              "Connection: close\r\nContent-Length: 55\r\n\r\n"
                              "{\"error\":\"method_not_allowed\",\"error_description\":\"no\"}");
        buffer_deinit(&out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_request_is_understood),
                cmocka_unit_test(test_what_is_not_understood_is_refused_in_words),
                cmocka_unit_test(test_an_error_repeats_little_of_a_path_and_nothing_of_a_secret),
                cmocka_unit_test(test_a_token_is_rendered_in_each_format),
                cmocka_unit_test(test_answers_queue_up_in_one_buffer),
                cmocka_unit_test(test_the_largest_token_fits_and_one_byte_less_is_an_error),
                cmocka_unit_test(test_a_list_says_all_that_is_known),
                cmocka_unit_test(test_errors_are_json_with_what_the_endpoint_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
