/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/budget.h"

#define START (1000 * SECOND)

/* A budget whose first minute, when an earlier life may still count, is over. */
static struct budget warm(unsigned per_minute) {
        struct budget budget;

        budget_init(&budget, per_minute, START - BUDGET_WINDOW);
        return budget;
}

/* A request that starts and is sent NOW, and ends at once. */
static void request(struct budget *budget, uint64_t now) {
        assert_int_equal(budget_next(budget, now), now);
        budget_take(budget, now);
        budget_settle(budget, true, now);
}

static void test_so_many_may_be_sent_at_once_and_one_more_60_s_after_the_first(void **state) {
        static const unsigned limits[] = {1, 2, 4, 20, TERMS_REQUESTS_PER_MINUTE_MAX};

        for (size_t i = 0; i < ELEMENTS(limits); i++) {
                struct budget budget = warm(limits[i]);

                for (unsigned n = 0; n < limits[i]; n++)
                        request(&budget, START + n);
                assert_int_equal(budget_next(&budget, START + limits[i]), START + 60 * SECOND);
                assert_int_equal(budget_next(&budget, START + 60 * SECOND - 1),
                                 START + 60 * SECOND);
                request(&budget, START + 60 * SECOND);
        }
}

/* Whatever the rhythm, and long after the memory of what was sent is full. */
static void test_no_window_of_60_s_has_more_than_the_limit(void **state) {
        static uint64_t sent[3 * TERMS_REQUESTS_PER_MINUTE_MAX];
        static const unsigned limits[] = {1, 4, 20, TERMS_REQUESTS_PER_MINUTE_MAX};

        for (size_t i = 0; i < ELEMENTS(limits); i++) {
                struct budget budget = warm(limits[i]);
                uint64_t now = START, seed = limits[i];

                for (size_t n = 0; n < ELEMENTS(sent); n++) {
                        now = budget_next(&budget, now + chance(&seed) % (SECOND / 4));
                        request(&budget, now);
                        sent[n] = now;
                        if (n >= limits[i])
                                assert_true(now - sent[n - limits[i]] >= 60 * SECOND);
                }
        }
}

static void test_what_was_not_sent_does_not_count(void **state) {
        struct budget budget = warm(1);

        for (int i = 0; i < 100; i++) {
                budget_take(&budget, START);
                budget_settle(&budget, false, START);
        }
        assert_int_equal(budget_next(&budget, START), START);
}

static void test_what_is_in_flight_counts_until_it_has_ended(void **state) {
        struct budget budget = warm(2);

        budget_take(&budget, START);
        assert_int_equal(budget_next(&budget, START), START);
        budget_take(&budget, START);
        assert_int_equal(budget_next(&budget, START), NEVER);
        assert_int_equal(budget_next(&budget, START + 90 * SECOND), NEVER);
        budget_settle(&budget, true, START + 90 * SECOND);
        assert_int_equal(budget_next(&budget, START + 90 * SECOND), START + 150 * SECOND);
        budget_settle(&budget, false, START + 90 * SECOND);
        assert_int_equal(budget_next(&budget, START + 90 * SECOND), START + 90 * SECOND);
}

static void test_answers_out_of_order_are_counted_in_the_order_of_sending(void **state) {
        struct budget budget = warm(2);

        budget_take(&budget, START);
        budget_take(&budget, START + SECOND);
        budget_settle(&budget, true, START + SECOND);
        budget_settle(&budget, true, START);
        assert_int_equal(budget_next(&budget, START + 2 * SECOND), START + 60 * SECOND);
        request(&budget, START + 60 * SECOND);
        assert_int_equal(budget_next(&budget, START + 60 * SECOND), START + 61 * SECOND);
}

static void test_memory_of_what_was_sent_is_full_with_in_flight_ones(void **state) {
        struct budget budget = warm(TERMS_REQUESTS_PER_MINUTE_MAX);

        for (unsigned i = 0; i < TERMS_REQUESTS_PER_MINUTE_MAX; i++)
                request(&budget, START + i);
        for (unsigned i = 0; i < TERMS_REQUESTS_PER_MINUTE_MAX - 1; i++)
                budget_take(&budget, START + MINUTE + i);
        /* The last of the first minute has to leave. */
        assert_int_equal(budget_next(&budget, START + MINUTE),
                         START + MINUTE + TERMS_REQUESTS_PER_MINUTE_MAX - 1);
        budget_take(&budget, START + MINUTE + TERMS_REQUESTS_PER_MINUTE_MAX - 1);
        assert_int_equal(budget_next(&budget, START + 2 * MINUTE), NEVER);
        for (unsigned i = 0; i < TERMS_REQUESTS_PER_MINUTE_MAX; i++)
                budget_settle(&budget, true, START + MINUTE + i);
        assert_int_equal(budget_next(&budget, START + MINUTE + SECOND), START + 2 * MINUTE);
}

/* "After a start without one: one request, then the spacing". */
static void test_cold_start_sends_one_at_once_and_then_spaces(void **state) {
        struct budget budget;
        uint64_t now = START;

        budget_init(&budget, 4, START);
        request(&budget, now);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(budget_next(&budget, now + 1), now + 15 * SECOND);
                now += 15 * SECOND;
                request(&budget, now);
        }
        assert_int_equal(budget_next(&budget, now), START + 60 * SECOND);
}

static void test_cold_start_spaces_behind_one_in_flight(void **state) {
        struct budget budget;

        budget_init(&budget, 4, START);
        budget_take(&budget, START);
        assert_int_equal(budget_next(&budget, START), START + 15 * SECOND);
        budget_settle(&budget, false, START + SECOND);
        assert_int_equal(budget_next(&budget, START + SECOND), START + SECOND);
}

static void test_cold_start_is_over_after_60_s(void **state) {
        struct budget budget;

        budget_init(&budget, 4, START);
        request(&budget, START + 59 * SECOND);
        assert_int_equal(budget_next(&budget, START + 59 * SECOND), START + 60 * SECOND);
        for (int i = 0; i < 3; i++)
                request(&budget, START + 60 * SECOND);
        assert_int_equal(budget_next(&budget, START + 60 * SECOND), START + 119 * SECOND);
}

static void test_limit_that_is_lowered_holds_at_once(void **state) {
        struct budget budget = warm(4);

        for (unsigned i = 0; i < 3; i++)
                request(&budget, START + i * SECOND);
        budget_set_per_minute(&budget, 1);
        assert_int_equal(budget_next(&budget, START + 3 * SECOND), START + 62 * SECOND);
        budget_set_per_minute(&budget, 4);
        assert_int_equal(budget_next(&budget, START + 3 * SECOND), START + 3 * SECOND);
}

static void test_what_is_left_is_what_the_last_60_s_and_those_in_flight_leave(void **state) {
        struct budget budget = warm(4);

        assert_int_equal(budget_left(&budget, START), 4);
        request(&budget, START);
        request(&budget, START + SECOND);
        budget_take(&budget, START + 2 * SECOND);
        assert_int_equal(budget_left(&budget, START + 2 * SECOND), 1);
        budget_settle(&budget, false, START + 3 * SECOND);
        assert_int_equal(budget_left(&budget, START + 3 * SECOND), 2);
        assert_int_equal(budget_left(&budget, START + 60 * SECOND - 1), 2);
        assert_int_equal(budget_left(&budget, START + 60 * SECOND), 3);
        assert_int_equal(budget_left(&budget, START + 61 * SECOND), 4);
        request(&budget, START + 61 * SECOND);
        request(&budget, START + 61 * SECOND);
        budget_set_per_minute(&budget, 1);
        assert_int_equal(budget_left(&budget, START + 61 * SECOND), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                        test_so_many_may_be_sent_at_once_and_one_more_60_s_after_the_first),
                cmocka_unit_test(test_no_window_of_60_s_has_more_than_the_limit),
                cmocka_unit_test(test_what_was_not_sent_does_not_count),
                cmocka_unit_test(test_what_is_in_flight_counts_until_it_has_ended),
                cmocka_unit_test(test_answers_out_of_order_are_counted_in_the_order_of_sending),
                cmocka_unit_test(test_memory_of_what_was_sent_is_full_with_in_flight_ones),
                cmocka_unit_test(test_cold_start_sends_one_at_once_and_then_spaces),
                cmocka_unit_test(test_cold_start_spaces_behind_one_in_flight),
                cmocka_unit_test(test_cold_start_is_over_after_60_s),
                cmocka_unit_test(test_limit_that_is_lowered_holds_at_once),
                cmocka_unit_test(test_what_is_left_is_what_the_last_60_s_and_those_in_flight_leave),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
