/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "core/name.h"
#include "wire/events.h"
#include "wire/http1.h"

static void test_head_is_of_a_stream_that_ends_with_its_connection(void **state) {
        struct buffer out = BUFFER_INIT(1024);
        struct http1_response response;

        events_head_render(&out);
        assert_true(slice_is(buffer_slice(&out), "HTTP/1.1 200 OK\r\n"
                                                 "Cache-Control: no-store\r\n"
                                                 "Content-Type: text/event-stream\r\n"
                                                 "Connection: close\r\n\r\n"));
        assert_int_equal(http1_stream_parse(buffer_slice(&out), &response), out.size);
        assert_true(response.is_endless);
        assert_false(response.keep_alive);
        buffer_deinit(&out);
}

static void test_new_generation_is_an_event_whose_id_it_is(void **state) {
        const struct token_event event = {"athena", 42, 1790000000, 3127};
        struct buffer out = BUFFER_INIT(1024);

        event_token_render(&out, &event);
        assert_true(slice_is(buffer_slice(&out),
                             "id: 42\n"
                             "event: token\n"
                             "data: {\"name\":\"athena\",\"generation\":42,"
                             "\"expires_at\":1790000000,\"expires_in\":3127}\n\n"));
        buffer_deinit(&out);
}

/* Who comes back after it is where it was before. */
static void test_token_that_is_gone_is_an_event_without_an_id(void **state) {
        const struct token_event event = {"athena", 42, 1790000000, 0};
        struct buffer out = BUFFER_INIT(1024);

        event_gone_render(&out, &event);
        assert_true(slice_is(buffer_slice(&out),
                             "event: gone\n"
                             "data: {\"name\":\"athena\",\"generation\":42}\n\n"));
        buffer_deinit(&out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_head_is_of_a_stream_that_ends_with_its_connection),
                cmocka_unit_test(test_new_generation_is_an_event_whose_id_it_is),
                cmocka_unit_test(test_token_that_is_gone_is_an_event_without_an_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
