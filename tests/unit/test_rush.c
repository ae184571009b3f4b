/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "story.h"

#include "core/rush.h"

#define START (1000 * SECOND)
#define ALICE 1000
#define BOB   1001
/* As many in a row are no rush yet; and when there is one. */
#define MANY 16384
#define FEW  512

static struct rush rush;

static int setup(void **state) {
        rush = (struct rush){0};
        return 0;
}

/* N of UID come at NOW. How many rushes began. */
static unsigned come(unsigned n, uid_t uid, uint64_t now) {
        unsigned begun = 0;

        for (unsigned i = 0; i < n; i++)
                begun += rush_comes(&rush, uid, now);
        return begun;
}

static void test_start_of_a_fleet_is_no_rush(void **state) {
        assert_int_equal(come(MANY, ALICE, START), 0);
        assert_int_equal(rush_room(&rush), INT_MAX);
        assert_int_equal(rush_deadline(&rush), NEVER);
        assert_false(rush_ends(&rush, START + 1000 * SECOND));
}

static void test_more_that_come_in_a_row_are_one(void **state) {
        come(MANY, ALICE, START);
        assert_true(rush_comes(&rush, ALICE, START));
        assert_int_equal(rush_room(&rush), 128);
}

static void test_as_many_with_a_pause_are_none(void **state) {
        come(MANY, ALICE, START);
        rush_pauses(&rush);
        assert_int_equal(come(MANY, ALICE, START), 0);
}

static void test_ends_a_minute_after_it_was_last_one(void **state) {
        come(MANY + 1, ALICE, START);
        assert_int_equal(rush_deadline(&rush), START + 60 * SECOND);
        assert_int_equal(come(1, ALICE, START + 10 * SECOND), 0); /* it has begun already */
        assert_false(rush_ends(&rush, START + 60 * SECOND));
        assert_int_equal(rush_deadline(&rush), START + 70 * SECOND);
        assert_true(rush_ends(&rush, START + 70 * SECOND));
        assert_int_equal(rush_room(&rush), INT_MAX);
        assert_int_equal(rush_deadline(&rush), NEVER);
        assert_int_equal(come(MANY, ALICE, START + 70 * SECOND), 0);
}

static void test_goes_on_with_fewer(void **state) {
        come(MANY + 1, ALICE, START);
        rush_pauses(&rush);
        come(FEW, ALICE, START + 10 * SECOND);
        assert_int_equal(rush_deadline(&rush), START + 60 * SECOND);
        come(1, ALICE, START + 10 * SECOND);
        assert_int_equal(rush_deadline(&rush), START + 70 * SECOND);
}

static void test_is_of_who_comes_most(void **state) {
        uid_t uid = 0;

        come(100, BOB, START);
        come(301, ALICE, START);
        assert_true(rush_is_of(&rush, &uid));
        assert_int_equal(uid, ALICE);
}

static void test_is_of_nobody_if_all_come_alike(void **state) {
        uid_t uid = 0;

        assert_false(rush_is_of(&rush, &uid));
        for (uid_t i = 0; i < 1000; i++)
                come(1, i % 4, START);
        assert_false(rush_is_of(&rush, &uid));
        come(200, ALICE, START);
        assert_false(rush_is_of(&rush, &uid));
}

static void test_who_came_before_a_pause_is_forgotten(void **state) {
        uid_t uid = 0;

        come(1000, ALICE, START);
        rush_pauses(&rush);
        come(1, BOB, START);
        assert_true(rush_is_of(&rush, &uid));
        assert_int_equal(uid, BOB);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_start_of_a_fleet_is_no_rush, setup),
                cmocka_unit_test_setup(test_more_that_come_in_a_row_are_one, setup),
                cmocka_unit_test_setup(test_as_many_with_a_pause_are_none, setup),
                cmocka_unit_test_setup(test_ends_a_minute_after_it_was_last_one, setup),
                cmocka_unit_test_setup(test_goes_on_with_fewer, setup),
                cmocka_unit_test_setup(test_is_of_who_comes_most, setup),
                cmocka_unit_test_setup(test_is_of_nobody_if_all_come_alike, setup),
                cmocka_unit_test_setup(test_who_came_before_a_pause_is_forgotten, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
