/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/tally.h"

static void test_each_reply_counts_in_its_kind_alone_and_in_the_waits(void **state) {
        for (int kind = REPLY_TOKEN; kind < N_REPLY_KINDS; kind++) {
                struct tally tally = {0};

                tally_reply(&tally, (enum reply_kind)kind, 7 * SECOND);
                tally_reply(&tally, (enum reply_kind)kind, 0);
                for (int other = 0; other < N_REPLY_KINDS; other++)
                        assert_int_equal(tally.replies[other], other == kind ? 2 : 0);
                assert_int_equal(histogram_count(&tally.waits, 0), 1);
                assert_int_equal(histogram_count(&tally.waits, HISTOGRAM_BOUNDS), 2);
                assert_int_equal(tally.waits.sum, 7 * SECOND);
                assert_int_equal(histogram_count(&tally.durations, HISTOGRAM_BOUNDS), 0);
        }
}

static void test_each_attempt_counts_in_its_kind_alone_and_in_the_durations(void **state) {
        for (int kind = 0; kind < N_OUTCOME_KINDS; kind++) {
                struct tally tally = {0};

                tally_attempt(&tally, (enum outcome_kind)kind, 70 * SECOND);
                for (int other = 0; other < N_OUTCOME_KINDS; other++)
                        assert_int_equal(tally.attempts[other], other == kind);
                assert_int_equal(histogram_count(&tally.durations, HISTOGRAM_BOUNDS - 1), 0);
                assert_int_equal(histogram_count(&tally.durations, HISTOGRAM_BOUNDS), 1);
                assert_int_equal(tally.durations.sum, 70 * SECOND);
                assert_int_equal(histogram_count(&tally.waits, HISTOGRAM_BOUNDS), 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_reply_counts_in_its_kind_alone_and_in_the_waits),
                cmocka_unit_test(test_each_attempt_counts_in_its_kind_alone_and_in_the_durations),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
