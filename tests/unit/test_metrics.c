/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/metrics.h"

static struct tally tally;
static struct control_peers peers = {
        .connections = 3, .connections_max = 100, .rush = true, .users = 2};
static struct control_token token;

static void setup_token(bool valid) {
        token = (struct control_token){
                .status = {.name = "athena", .valid = valid, .generation = 42},
                .budget_limit = 4,
                .budget_left = 3,
                .tally = &tally,
        };
        if (valid) {
                token.status.expires_at = 1790000000;
                token.valid_for = 1500 * NSEC_PER_MSEC;
        }
}

/* Until the next call. */
static const char *rendered(bool is_config_right) {
        static struct buffer out = BUFFER_INIT(65536);
        struct control_status status = {
                .version = "1.2",
                .started_at = 1780000000,
                .is_configured = true,
                .is_config_right = is_config_right,
                .tokens = &token,
                .n_tokens = 1,
                .tally = &tally,
                .peers = &peers,
        };

        buffer_clear(&out);
        metrics_render(&out, &status, OPENMETRICS_PROMETHEUS, HTTP1_KEPT);
        buffer_append_char(&out, 0);
        assert_int_equal(buffer_error(&out), 0);
        return out.data;
}

static void assert_told(const char *text, const char *line) {
        char whole[256];

        snprintf(whole, sizeof whole, "\n%s\n", line);
        if (!strstr(text, whole))
                fail_msg("'%s' is not in\n%s", line, text);
}

static void test_a_token_has_the_time_until_it_expires_and_when_that_is(void **state) {
        const char *text;

        setup_token(true);
        text = rendered(true);
        assert_told(text, "bearerd_token_valid_seconds{token=\"athena\"} 1.5");
        assert_told(text, "bearerd_token_expiry_timestamp_seconds{token=\"athena\"} 1790000000");
        assert_told(text, "bearerd_token_generation{token=\"athena\"} 42");
}

static void test_a_token_that_is_gone_expires_at_no_time(void **state) {
        const char *text;

        setup_token(false);
        text = rendered(true);
        assert_told(text, "bearerd_token_valid_seconds{token=\"athena\"} 0");
        assert_null(strstr(text, "bearerd_token_expiry_timestamp_seconds{"));
        assert_told(text, "bearerd_token_generation{token=\"athena\"} 42");
}

static void test_streams_and_what_was_told_on_them_are_counted(void **state) {
        setup_token(true);
        token.status.streams = 7;
        tally.news = 8;
        assert_told(rendered(true), "bearerd_event_streams{token=\"athena\"} 7");
        assert_told(rendered(true), "bearerd_events_total{token=\"athena\"} 8");
}

static void test_budget_peers_and_configuration_are_told(void **state) {
        setup_token(true);
        assert_told(rendered(true), "bearerd_budget_requests_left{token=\"athena\"} 3");
        assert_told(rendered(true), "bearerd_connections 3");
        assert_told(rendered(true), "bearerd_connections_rush 1");
        assert_told(rendered(true), "bearerd_users 2");
        assert_told(rendered(true), "bearerd_config_last_load_successful 1");
        assert_told(rendered(false), "bearerd_config_last_load_successful 0");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_token_has_the_time_until_it_expires_and_when_that_is),
                cmocka_unit_test(test_a_token_that_is_gone_expires_at_no_time),
                cmocka_unit_test(test_streams_and_what_was_told_on_them_are_counted),
                cmocka_unit_test(test_budget_peers_and_configuration_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
