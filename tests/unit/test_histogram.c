/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/histogram.h"

static void test_bounds_rise(void **state) {
        for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++)
                assert_true(histogram_bounds[i - 1] < histogram_bounds[i]);
}

/* The bound itself is below it: "le" is "less or equal". */
static void test_each_is_counted_in_the_first_bound_that_it_does_not_exceed(void **state) {
        for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
                struct histogram histogram = {0};

                histogram_add(&histogram, histogram_bounds[i]);
                histogram_add(&histogram, histogram_bounds[i] + 1);
                assert_int_equal(histogram_count(&histogram, i), 1);
                if (i > 0)
                        assert_int_equal(histogram_count(&histogram, i - 1), 0);
                assert_int_equal(histogram_count(&histogram, i + 1), 2);
                assert_int_equal(histogram.sum, 2 * histogram_bounds[i] + 1);
        }
}

static void test_counts_are_of_all_that_took_no_longer(void **state) {
        struct histogram histogram = {0};
        uint64_t seed = 1, spans[1000], sum = 0;

        for (size_t i = 0; i < ELEMENTS(spans); i++) {
                spans[i] = chance(&seed) >> (20 + chance(&seed) % 40);
                sum += spans[i];
                histogram_add(&histogram, spans[i]);
        }
        for (unsigned bound = 0; bound < HISTOGRAM_BOUNDS; bound++) {
                uint64_t n = 0;

                for (size_t i = 0; i < ELEMENTS(spans); i++)
                        n += spans[i] <= histogram_bounds[bound];
                assert_int_equal(histogram_count(&histogram, bound), n);
        }
        assert_int_equal(histogram_count(&histogram, HISTOGRAM_BOUNDS), ELEMENTS(spans));
        assert_int_equal(histogram.sum, sum);
}

static void test_sum_does_not_overflow(void **state) {
        struct histogram histogram = {0};

        histogram_add(&histogram, NEVER - 1);
        histogram_add(&histogram, SECOND);
        assert_int_equal(histogram.sum, NEVER);
        assert_int_equal(histogram_count(&histogram, HISTOGRAM_BOUNDS), 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bounds_rise),
                cmocka_unit_test(test_each_is_counted_in_the_first_bound_that_it_does_not_exceed),
                cmocka_unit_test(test_counts_are_of_all_that_took_no_longer),
                cmocka_unit_test(test_sum_does_not_overflow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
