/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/quota.h"

#define START (1000 * SECOND)

static struct quota quota;
static struct quota_user alice, bob, carol;

/* 100 of everything, and ten requests a second. */
static struct quota_limits limits(void) {
        struct quota_limits limits = {.requests_per_second = 10};

        for (int kind = 0; kind < N_QUOTA_KINDS; kind++)
                limits.all[kind] = limits.user[kind] = 100;
        return limits;
}

static int setup(void **state) {
        const struct quota_limits usual = limits();

        quota_init(&quota, &usual);
        quota_user_init(&alice, &quota);
        quota_user_init(&bob, &quota);
        quota_user_init(&carol, &quota);
        return 0;
}

/* How many more USER gets, one by one. */
static unsigned take_all(struct quota_user *user, enum quota_kind kind) {
        unsigned n = 0;

        while (quota_take(user, kind, 1))
                n++;
        return n;
}

static void test_a_user_gets_three_quarters_of_what_the_others_leave(void **state) {
        for (int kind = 0; kind < N_QUOTA_KINDS; kind++) {
                assert_int_equal(take_all(&alice, kind), 75);
                assert_int_equal(take_all(&bob, kind), 19);  /* of 25 */
                assert_int_equal(take_all(&carol, kind), 5); /* of 6 */
                assert_int_equal(quota.taken[kind], 99);
        }
}

static void test_the_last_one_is_somebodys(void **state) {
        struct quota_limits few = limits();

        few.all[QUOTA_WAITING] = 1;
        quota_set_limits(&quota, &few);
        assert_int_equal(take_all(&alice, QUOTA_WAITING), 1);
        assert_int_equal(take_all(&bob, QUOTA_WAITING), 0);
}

static void test_what_is_given_back_can_be_taken_again(void **state) {
        take_all(&alice, QUOTA_CONNECTIONS);
        quota_give(&alice, QUOTA_CONNECTIONS, 1);
        assert_true(quota_take(&alice, QUOTA_CONNECTIONS, 1));
        assert_false(quota_take(&alice, QUOTA_CONNECTIONS, 1));
        quota_give(&alice, QUOTA_CONNECTIONS, 75);
        assert_int_equal(quota.taken[QUOTA_CONNECTIONS], 0);
        assert_int_equal(take_all(&bob, QUOTA_CONNECTIONS), 75);
}

static void test_kinds_do_not_count_for_each_other(void **state) {
        assert_int_equal(take_all(&alice, QUOTA_READING), 75);
        assert_int_equal(take_all(&alice, QUOTA_WRITING), 75);
        assert_int_equal(quota.taken[QUOTA_WAITING], 0);
}

static void test_an_amount_is_taken_whole_or_not_at_all(void **state) {
        assert_true(quota_take(&alice, QUOTA_READING, 70));
        assert_false(quota_take(&alice, QUOTA_READING, 6));
        assert_int_equal(alice.taken[QUOTA_READING], 70);
        assert_true(quota_take(&alice, QUOTA_READING, 5));
        assert_false(quota_take(&alice, QUOTA_READING, UINT64_MAX));
        assert_true(quota_take(&alice, QUOTA_READING, 0));
}

static void test_an_amount_grows_and_shrinks_to_what_it_is_now(void **state) {
        uint64_t taken = 0;

        assert_true(quota_retake(&alice, QUOTA_WRITING, &taken, 75));
        assert_false(quota_retake(&alice, QUOTA_WRITING, &taken, 76));
        assert_int_equal(taken, 75);
        assert_true(quota_retake(&alice, QUOTA_WRITING, &taken, 30));
        assert_int_equal(alice.taken[QUOTA_WRITING], 30);
        assert_true(quota_retake(&alice, QUOTA_WRITING, &taken, 0));
        assert_int_equal(quota.taken[QUOTA_WRITING], 0);
}

static void test_a_users_own_limit_holds_though_there_is_more(void **state) {
        struct quota_limits strict = limits();

        strict.user[QUOTA_CONNECTIONS] = 10;
        quota_set_limits(&quota, &strict);
        assert_int_equal(take_all(&alice, QUOTA_CONNECTIONS), 10);
        assert_int_equal(take_all(&alice, QUOTA_WAITING), 75);
}

static void test_smaller_limits_take_nothing_away_and_give_nothing_more(void **state) {
        struct quota_limits small = limits();

        small.all[QUOTA_CONNECTIONS] = 20;
        take_all(&alice, QUOTA_CONNECTIONS);
        quota_set_limits(&quota, &small);
        assert_int_equal(alice.taken[QUOTA_CONNECTIONS], 75);
        assert_false(quota_take(&alice, QUOTA_CONNECTIONS, 1));
        assert_false(quota_take(&bob, QUOTA_CONNECTIONS, 1));
        quota_give(&alice, QUOTA_CONNECTIONS, 60);
        assert_false(quota_take(&alice, QUOTA_CONNECTIONS, 1));
        assert_int_equal(take_all(&bob, QUOTA_CONNECTIONS), 4); /* of 5 */
}

static void test_nobody_is_not_limited_and_not_counted(void **state) {
        assert_true(quota_take(NULL, QUOTA_WAITING, 1000));
        quota_give(NULL, QUOTA_WAITING, 1000);
        assert_int_equal(quota.taken[QUOTA_WAITING], 0);
}

/* ---- how fast ---- */

static unsigned admit_all(struct quota_user *user, uint64_t now) {
        unsigned n = 0;

        while (quota_admit(user, now))
                n++;
        return n;
}

static void test_a_second_of_requests_comes_at_once_and_then_one_after_the_other(void **state) {
        assert_int_equal(admit_all(&alice, START), 11);
        for (unsigned i = 1; i <= 30; i++) {
                uint64_t next = START + i * SECOND / 10;

                assert_int_equal(quota_admits_at(&alice), next);
                assert_false(quota_admit(&alice, next - 1));
                assert_int_equal(admit_all(&alice, next), 1);
        }
}

static void test_a_pause_is_saved_up_to_a_second(void **state) {
        admit_all(&alice, START);
        assert_int_equal(admit_all(&alice, START + SECOND / 2), 5);
        assert_int_equal(admit_all(&alice, START + 100 * SECOND), 11);
}

static void test_one_users_rate_is_no_others(void **state) {
        admit_all(&alice, START);
        assert_int_equal(admit_all(&bob, START), 11);
}

static void test_rates_at_their_bounds(void **state) {
        struct quota_limits bounds = limits();

        bounds.requests_per_second = 1;
        quota_set_limits(&quota, &bounds);
        assert_int_equal(admit_all(&alice, START), 2);
        assert_int_equal(quota_admits_at(&alice), START + SECOND);
        bounds.requests_per_second = QUOTA_REQUESTS_PER_SECOND_MAX;
        quota_set_limits(&quota, &bounds);
        assert_int_equal(admit_all(&bob, START), QUOTA_REQUESTS_PER_SECOND_MAX + 1);
}

static void test_a_turn_ends_and_the_next_one_begins_for_everybody(void **state) {
        for (unsigned i = 0; i < QUOTA_TURN; i++)
                assert_true(quota_has_turn(&alice));
        assert_false(quota_has_turn(&alice));
        assert_true(quota_has_turn(&bob));
        quota_next_turn(&quota);
        for (unsigned i = 0; i < QUOTA_TURN; i++)
                assert_true(quota_has_turn(&alice));
        assert_false(quota_has_turn(&alice));
}

static void test_bytes_of_no_request_use_up_a_turn(void **state) {
        assert_true(quota_has_turn(&alice));
        quota_use_turn(&alice, QUOTA_BYTES - 1);
        for (unsigned i = 1; i < QUOTA_TURN - 1; i++)
                assert_true(quota_has_turn(&alice));
        quota_use_turn(&alice, QUOTA_BYTES);
        assert_false(quota_has_turn(&alice));
        assert_true(quota_has_turn(&bob));
        quota_next_turn(&quota);
        assert_true(quota_has_turn(&alice));
        quota_use_turn(&alice, SIZE_MAX);
        assert_false(quota_has_turn(&alice));
}

static void test_a_user_is_remembered_until_all_is_given_back_and_paid(void **state) {
        assert_true(quota_user_is_blank(&alice, START));
        quota_take(&alice, QUOTA_READING, 1);
        assert_false(quota_user_is_blank(&alice, START));
        quota_give(&alice, QUOTA_READING, 1);
        assert_true(quota_user_is_blank(&alice, START));
        quota_admit(&alice, START);
        assert_false(quota_user_is_blank(&alice, START + SECOND / 10 - 1));
        assert_true(quota_user_is_blank(&alice, START + SECOND / 10));
        quota_has_turn(&alice);
        assert_false(quota_user_is_blank(&alice, START + SECOND / 10));
        quota_next_turn(&quota);
        assert_true(quota_user_is_blank(&alice, START + SECOND / 10));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_a_user_gets_three_quarters_of_what_the_others_leave),
                TEST(test_the_last_one_is_somebodys),
                TEST(test_what_is_given_back_can_be_taken_again),
                TEST(test_kinds_do_not_count_for_each_other),
                TEST(test_an_amount_is_taken_whole_or_not_at_all),
                TEST(test_an_amount_grows_and_shrinks_to_what_it_is_now),
                TEST(test_a_users_own_limit_holds_though_there_is_more),
                TEST(test_smaller_limits_take_nothing_away_and_give_nothing_more),
                TEST(test_nobody_is_not_limited_and_not_counted),
                TEST(test_a_second_of_requests_comes_at_once_and_then_one_after_the_other),
                TEST(test_a_pause_is_saved_up_to_a_second),
                TEST(test_one_users_rate_is_no_others),
                TEST(test_rates_at_their_bounds),
                TEST(test_a_turn_ends_and_the_next_one_begins_for_everybody),
                TEST(test_bytes_of_no_request_use_up_a_turn),
                TEST(test_a_user_is_remembered_until_all_is_given_back_and_paid),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
