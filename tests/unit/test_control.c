/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "story.h"

#include "asked.h"

#include "wire/config.h"
#include "wire/control.h"
#include "wire/metrics.h"

/* ---- requests ---- */

static int parse(const char *first, const char *tail, struct control_request *ret_request,
                 struct api_error *ret_error) {
        struct buffer data = BUFFER_INIT(16384);
        struct http1_request http;
        int r;

        asked(&data, first, tail, &http);
        r = control_request_parse(&http, ret_request, ret_error);
        buffer_deinit(&data);
        return r;
}

#define NEWER "Accept: application/openmetrics-text; version=1.0.0\r\n\r\n"

static const struct {
        const char *first, *tail;
        struct control_request request;
} served[] = {
        {"GET /v1/status", "\r\n", {CONTROL_STATUS, "", OPENMETRICS_PROMETHEUS}},
        {"GET /v1/status?", "\r\n", {CONTROL_STATUS, "", OPENMETRICS_PROMETHEUS}},
        {"GET http://localhost/metrics", "\r\n", {CONTROL_METRICS, "", OPENMETRICS_PROMETHEUS}},
        {"GET /metrics", "Accept: */*\r\n\r\n", {CONTROL_METRICS, "", OPENMETRICS_PROMETHEUS}},
        {"GET /metrics", NEWER, {CONTROL_METRICS, "", OPENMETRICS_1_0}},
        {"GET /metrics",
         "Accept: Application/OpenMetrics-Text;q=0.1 , text/plain\r\n\r\n",
         {CONTROL_METRICS, "", OPENMETRICS_1_0}},
        {"GET /metrics",
         "Accept: text/plain, application/openmetrics-text\r\n\r\n",
         {CONTROL_METRICS, "", OPENMETRICS_PROMETHEUS}},
        {"GET /metrics",
         "Accept: text/html, application/openmetrics-text\r\n\r\n",
         {CONTROL_METRICS, "", OPENMETRICS_1_0}},
        {"GET /metrics",
         "Accept: application/openmetrics-texts\r\n\r\n",
         {CONTROL_METRICS, "", OPENMETRICS_PROMETHEUS}},
        {"POST /v1/tokens/a/refresh", "\r\n", {CONTROL_REFRESH, "a", OPENMETRICS_PROMETHEUS}},
        {"POST /v1/tokens/refresh/refresh",
         "Content-Length: 0\r\n\r\n",
         {CONTROL_REFRESH, "refresh", OPENMETRICS_PROMETHEUS}},
        {"POST /v1/tokens/a2345678901234567890123456789012/refresh",
         "\r\n",
         {CONTROL_REFRESH, "a2345678901234567890123456789012", OPENMETRICS_PROMETHEUS}},
};

static void test_each_request_is_understood(void **state) {
        for (size_t i = 0; i < ELEMENTS(served); i++) {
                struct control_request request;
                struct api_error error = {0};

                if (parse(served[i].first, served[i].tail, &request, &error) != 0)
                        fail_msg("case %zu: %s: %s", i, served[i].first, error.description);
                assert_int_equal(request.route, served[i].request.route);
                assert_string_equal(request.name, served[i].request.name);
                assert_int_equal(request.format, served[i].request.format);
        }
}

static const struct {
        const char *first, *tail;
        int status;
        const char *error;
        const char *description; /* a part of it */
        const char *allow;
} refused[] = {
        {"GET /", "\r\n", 404, "not_found", "/v1/status, /metrics and", NULL},
        {"GET /v1/token", "\r\n", 404, "not_found", "\"/v1/token\"", NULL},
        {"GET /v1/tokens/a", "\r\n", 404, "not_found", "/refresh", NULL},
        {"GET /v1/tokens/a/header", "\r\n", 404, "not_found", "/refresh", NULL},
        {"POST /v1/tokens/refresh", "\r\n", 404, "not_found", "/refresh", NULL},
        {"POST /v1/tokens//refresh", "\r\n", 404, "not_found", "a-z, 0-9", NULL},
        {"POST /v1/tokens/A/refresh", "\r\n", 404, "not_found", "a-z, 0-9", NULL},
        {"POST /v1/tokens/a23456789012345678901234567890123/refresh", "\r\n", 404, "not_found",
         "is no name", NULL},
        {"GET /metrics/", "\r\n", 404, "not_found", "/metrics", NULL},
        {"GET /v1/tokens/a/refresh", "\r\n", 405, "method_not_allowed", "POST", "POST"},
        {"HEAD /metrics", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"POST /v1/status", "\r\n", 405, "method_not_allowed", "GET", "GET"},
        {"GET /metrics?a", "\r\n", 400, "invalid_request", "no query", NULL},
        {"POST /v1/tokens/a/refresh?wait=1", "\r\n", 400, "invalid_request", "no query", NULL},
        {"POST /v1/tokens/a/refresh", "Content-Length: 1\r\n\r\nx", 400, "invalid_request",
         "no body", NULL},
};

static void test_each_mistake_is_named(void **state) {
        for (size_t i = 0; i < ELEMENTS(refused); i++) {
                struct control_request request;
                struct api_error error = {0};

                if (parse(refused[i].first, refused[i].tail, &request, &error) != -EBADMSG)
                        fail_msg("case %zu: %s is understood", i, refused[i].first);
                assert_int_equal(error.status, refused[i].status);
                assert_string_equal(error.error, refused[i].error);
                assert_non_null(strstr(error.description, refused[i].description));
                if (refused[i].allow)
                        assert_string_equal(error.allow, refused[i].allow);
                else
                        assert_null(error.allow);
        }
}

/* ---- answers ---- */

static struct buffer out;

static int setup(void **state) {
        out = BUFFER_INIT(HTTP1_HEAD_MAX + HTTP1_ANSWER_MAX);
        return 0;
}

static int teardown(void **state) {
        buffer_deinit(&out);
        return 0;
}

static void assert_answer(int status, const char *content_type, const char *body) {
        struct http1_response response;

        assert_int_equal(buffer_error(&out), 0);
        assert_int_equal(http1_response_parse(buffer_slice(&out), &response), out.size);
        assert_int_equal(response.status, status);
        assert_true(slice_is(response.content_type, content_type));
        buffer_append_char(&out, 0);
        assert_string_equal(response.body.data, body);
}

static const struct tally nothing,
        some = {
                .replies = {[REPLY_TOKEN] = 1, [REPLY_FORBIDDEN] = 2, [REPLY_UNKNOWN] = 3},
                .attempts = {[OUTCOME_GRANTED] = 4, [OUTCOME_DENIED] = 5},
                .news = 6,
};

static void test_status_says_all_of_it(void **state) {
        const struct control_token token = {
                .status = {.name = "a",
                           .is_default = true,
                           .valid = true,
                           .generation = 42,
                           .expires_in = 3127,
                           .expires_at = 1790000000,
                           .lifetime = 3600,
                           .served_for = 3067,
                           .next_attempt = 2700,
                           .scope = "",
                           .practice_id = "",
                           .last_error = ""},
                .budget_limit = 4,
                .budget_left = 3,
                .budget_next = 15,
                .tally = &some,
        };
        const struct control_peers peers = {
                .connections = 3,
                .connections_max = 100,
                .waiting = 1,
                .rush = true,
                .users = 2,
                .accepted = 9,
                .turned_away = 8,
                .most = {{1000, 2, 1}, {0, 1, 0}},
                .n_most = 2,
        };
        const struct control_status status = {
                .version = "1.2.3",
                .started_at = 1780000000,
                .uptime = 60,
                .is_configured = true,
                .is_config_right = false,
                .config_file = "/etc/bearerd/bearerd.conf",
                .config_identity = "4711-812-1780000000.000000001",
                .fetch = "unix:/run/bearerd/fetch.sock",
                .tokens = &token,
                .n_tokens = 1,
                .tally = &some,
                .peers = &peers,
        };

        control_status_render(&out, &status, HTTP1_KEPT);
        assert_answer(
                200, "application/json",
                "{\"version\":1,\"bearerd\":\"1.2.3\",\"started_at\":1780000000,\"uptime\":60,"
                "\"configured\":true,\"config_right\":false,"
                "\"config\":{\"file\":\"/etc/bearerd/bearerd.conf\","
                "\"identity\":\"4711-812-1780000000.000000001\"},"
                "\"fetch\":\"unix:/run/bearerd/fetch.sock\",\"tokens\":[{\"name\":\"a\","
                "\"is_default\":true,\"valid\":true,\"generation\":42,\"expires_in\":3127,"
                "\"expires_at\":1790000000,\"lifetime\":3600,\"served_for\":3067,"
                "\"fetching\":false,"
                "\"next_attempt\":2700,\"waiting\":0,\"streams\":0,\"renewals\":0,\"failures\":0,"
                "\"budget\":{\"limit\":4,\"left\":3,\"next\":15},"
                "\"counters\":{\"replies\":{\"token\":1,\"forbidden\":2,\"paused\":0,"
                "\"crowded\":0,\"denied\":0,\"unavailable\":0,\"timeout\":0},"
                "\"renewals\":{\"failed\":0,\"granted\":4,\"denied\":5,\"misconfigured\":0},\"events\":6}}],"
                "\"peers\":{\"connections\":3,\"connections_max\":100,\"waiting\":1,\"rush\":true,"
                "\"users\":2,"
                "\"most\":[{\"uid\":1000,\"connections\":2,\"waiting\":1},"
                "{\"uid\":0,\"connections\":1,\"waiting\":0}]},"
                "\"counters\":{\"replies\":{\"unconfigured\":0,\"ambiguous\":0,\"forbidden\":2,"
                "\"unknown\":3},\"connections_accepted\":9,\"connections_turned_away\":8}}");
}

static void test_refresh_says_what_becomes_of_it(void **state) {
        static const struct {
                struct control_refresh refresh;
                const char *body;
        } cases[] = {
                {{"a", CONTROL_STARTED, 0, NULL}, "{\"name\":\"a\",\"renewal\":\"started\"}"},
                {{"a", CONTROL_FOLLOWS, 0, NULL}, "{\"name\":\"a\",\"renewal\":\"follows\"}"},
                {{"a", CONTROL_LATER, 12, "budget"},
                 "{\"name\":\"a\",\"renewal\":\"later\",\"next_attempt\":12,"
                 "\"waits_for\":\"budget\"}"},
                {{"a", CONTROL_LATER, UINT64_MAX, "budget"},
                 "{\"name\":\"a\",\"renewal\":\"later\",\"waits_for\":\"budget\"}"},
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                buffer_clear(&out);
                control_refresh_render(&out, &cases[i].refresh, HTTP1_KEPT);
                assert_answer(202, "application/json", cases[i].body);
        }
}

/* Every kind has a name and a place, or nobody would see that it happened. */
static void test_every_reply_and_outcome_is_told_somewhere(void **state) {
        for (int kind = REPLY_TOKEN; kind < N_REPLY_KINDS; kind++) {
                assert_non_null(control_reply_name((enum reply_kind)kind));
                assert_true(control_reply_has_token((enum reply_kind)kind) ||
                            control_reply_has_none((enum reply_kind)kind));
        }
        assert_false(control_reply_has_token(REPLY_WAIT) || control_reply_has_none(REPLY_WAIT));
        for (int kind = 0; kind < N_OUTCOME_KINDS; kind++)
                assert_non_null(control_outcome_name((enum outcome_kind)kind));
}

/* ---- at the limits ---- */

/* As much as there can be of everything. */
static struct control_token largest_token(const struct tally *tally) {
        static char scope[OUTCOME_SCOPE_MAX + 1], error[OUTCOME_ERROR_MAX + 1];
        static char message[OUTCOME_MESSAGE_MAX + 1];

        memset(scope, '"', OUTCOME_SCOPE_MAX); /* escaped: two bytes */
        memset(error, 'e', OUTCOME_ERROR_MAX);
        memset(message, 'm', OUTCOME_MESSAGE_MAX);
        return (struct control_token){
                .status = {.name = "a2345678901234567890123456789012",
                           .is_default = true,
                           .valid = true,
                           .generation = UINT64_MAX - 1,
                           .expires_in = UINT64_MAX - 1,
                           .expires_at = UINT64_MAX - 1,
                           .served_for = UINT64_MAX - 1,
                           .next_attempt = UINT64_MAX - 1,
                           .scope = scope,
                           .practice_id = "12345678901234567890",
                           .waiting = UINT64_MAX - 1,
                           .streams = UINT64_MAX - 1,
                           .renewals = UINT64_MAX - 1,
                           .failures = UINT64_MAX - 1,
                           .last_error = "misconfigured",
                           .last_error_age = UINT64_MAX - 1,
                           .upstream_status = 599,
                           .upstream_error = error,
                           .message = message,
                           .lifetime = UINT64_MAX - 1},
                .valid_for = UINT64_MAX - 1,
                .budget_limit = UINT32_MAX,
                .budget_left = UINT32_MAX,
                .budget_next = UINT64_MAX - 1,
                .tally = tally,
        };
}

static void test_as_many_tokens_as_can_be_configured_have_room(void **state) {
        struct control_token *tokens = calloc(CONFIG_TOKENS_MAX, sizeof *tokens);
        struct control_peers peers = {.users = CONTROL_USERS_MAX, .n_most = CONTROL_USERS_MAX};
        struct control_status status = {.version = "1.2.3",
                                        .tokens = tokens,
                                        .n_tokens = CONFIG_TOKENS_MAX,
                                        .tally = &nothing,
                                        .peers = &peers,
                                        .is_configured = true};
        struct tally most;

        memset(&most, 0x7f, sizeof most); /* 19 digits each; sums of buckets have one more */
        assert_non_null(tokens);
        for (size_t i = 0; i < CONFIG_TOKENS_MAX; i++)
                tokens[i] = largest_token(&most);
        control_status_render(&out, &status, HTTP1_KEPT_AND_TOLD);
        assert_int_equal(buffer_error(&out), 0);
        for (int format = OPENMETRICS_PROMETHEUS; format <= OPENMETRICS_1_0; format++) {
                buffer_clear(&out);
                metrics_render(&out, &status, (enum openmetrics_format)format, HTTP1_KEPT_AND_TOLD);
                assert_int_equal(buffer_error(&out), 0);
        }
        free(tokens);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_each_request_is_understood),
                TEST(test_each_mistake_is_named),
                TEST(test_status_says_all_of_it),
                TEST(test_refresh_says_what_becomes_of_it),
                TEST(test_every_reply_and_outcome_is_told_somewhere),
                TEST(test_as_many_tokens_as_can_be_configured_have_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
