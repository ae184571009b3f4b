/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "story.h"

#include "core/backoff.h"

static void test_jitter_reaches_both_ends_and_nothing_past_them(void **state) {
        static const uint64_t spans[] = {0, 1, 2, SECOND, MINUTE, NEVER - 1, NEVER};

        for (size_t i = 0; i < ELEMENTS(spans); i++) {
                assert_int_equal(jitter(spans[i], LEAST), 0);
                assert_int_equal(jitter(spans[i], MOST), spans[i]);
        }
}

static void test_jitter_is_even(void **state) {
        unsigned below = 0;
        uint64_t seed = 1;

        for (int i = 0; i < 10000; i++)
                below += jitter(100, chance(&seed)) < 25;
        assert_in_range(below, 2300, 2650);
}

/* The design's row "retry": first U(0.5 s, 1 s), then U(0, min(60 s, 1 s * 2^n)). */
/* clang-format off */
static const struct {
        unsigned failures;
        uint64_t least, most;
} delays[] = {
        {1, SECOND / 2, SECOND},
        {2, 0, 2 * SECOND},
        {3, 0, 4 * SECOND},
        {6, 0, 32 * SECOND},
        {7, 0, 60 * SECOND}, /* 64 s is past the limit */
        {8, 0, 60 * SECOND},
        {64, 0, 60 * SECOND},
        {65, 0, 60 * SECOND},
        {UINT_MAX, 0, 60 * SECOND},
};
/* clang-format on */

static void test_delay_doubles_with_failures_up_to_its_limit(void **state) {
        const struct terms terms = TERMS_DEFAULT;

        for (size_t i = 0; i < ELEMENTS(delays); i++) {
                assert_int_equal(backoff_delay(&terms, delays[i].failures, LEAST), delays[i].least);
                assert_int_equal(backoff_delay(&terms, delays[i].failures, MOST), delays[i].most);
        }
}

static void test_delay_that_doubles_to_exactly_its_limit_is_the_limit(void **state) {
        struct terms terms = TERMS_DEFAULT;

        terms.retry_max = 64 * SECOND;
        assert_int_equal(backoff_delay(&terms, 7, MOST), 64 * SECOND);
        terms.retry_max = 64 * SECOND - 1;
        assert_int_equal(backoff_delay(&terms, 7, MOST), 64 * SECOND - 1);
}

/* The design's row "denied": 60 s, doubling to 15 min. */
static void test_denied_pause_doubles_up_to_its_limit(void **state) {
        static const uint64_t minutes[] = {1, 2, 4, 8, 15, 15, 15};
        const struct terms terms = TERMS_DEFAULT;

        for (unsigned i = 0; i < ELEMENTS(minutes); i++)
                assert_int_equal(backoff_denied(&terms, i + 1), minutes[i] * MINUTE);
        assert_int_equal(backoff_denied(&terms, UINT_MAX), 15 * MINUTE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_jitter_reaches_both_ends_and_nothing_past_them),
                cmocka_unit_test(test_jitter_is_even),
                cmocka_unit_test(test_delay_doubles_with_failures_up_to_its_limit),
                cmocka_unit_test(test_delay_that_doubles_to_exactly_its_limit_is_the_limit),
                cmocka_unit_test(test_denied_pause_doubles_up_to_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
