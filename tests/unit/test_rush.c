/* SPDX-License-Identifier: MIT */
#include <limits.h>

#include "story.h"

#include "core/rush.h"

#define START (1000 * SECOND)
#define ALICE 1000
#define BOB   1001
#define GO    32
/* So many goes at once are no rush yet: 16,384 connections. */
#define MANY 512
/* So often one may come. */
#define EACH (SECOND / 8)

static struct rush rush;

static int setup(void **state) {
        rush = (struct rush){0};
        return 0;
}

/* N goes of UID, EVERY so long, the first one at NOW. How many rushes began. */
static unsigned press(unsigned n, uid_t uid, uint64_t now, uint64_t every) {
        unsigned begun = 0;

        for (unsigned i = 0; i < n; i++) {
                for (unsigned j = 0; j < GO; j++)
                        rush_comes(&rush, uid);
                begun += rush_presses(&rush, now + i * every);
        }
        return begun;
}

static void assert_none(void) {
        assert_int_equal(rush_room(&rush), INT_MAX);
        assert_int_equal(rush_deadline(&rush), NEVER);
        assert_false(rush_ends(&rush, START + 1000 * SECOND));
}

static void test_start_of_a_fleet_is_no_rush(void **state) {
        assert_int_equal(press(MANY, ALICE, START, 0), 0);
        assert_none();
}

static void test_more_at_once_are_one(void **state) {
        assert_int_equal(press(MANY + 1, ALICE, START, 0), 1);
        assert_int_equal(rush_room(&rush), GO);
        assert_int_equal(press(MANY, ALICE, START, 0), 0); /* it has begun already */
}

static void test_fleets_that_start_one_after_the_other_are_none(void **state) {
        for (unsigned i = 0; i < 10; i++)
                assert_int_equal(press(MANY, ALICE, START + i * MANY * EACH, 0), 0);
        assert_none();
}

static void test_few_that_press_for_ever_are_none(void **state) {
        assert_int_equal(press(100 * MANY, ALICE, START, EACH), 0);
        assert_none();
}

static void test_a_long_pause_is_not_saved_up(void **state) {
        press(1, ALICE, START, 0);
        assert_int_equal(press(MANY + 1, ALICE, START + 1000 * SECOND, 0), 1);
}

/* Whoever lets the queue be empty now and then, so that it does not look like one. */
static void test_pauses_do_not_hide_it(void **state) {
        unsigned begun = 0;

        for (unsigned i = 0; i < 10; i++)
                begun += press(MANY / 2, ALICE, START + i * SECOND, 0);
        assert_int_equal(begun, 1);
}

static void test_ends_when_all_is_paid(void **state) {
        press(MANY + 1, ALICE, START, 0);
        assert_int_equal(rush_deadline(&rush), START + (MANY + 1) * EACH);
        assert_false(rush_ends(&rush, START + (MANY + 1) * EACH - 1));
        assert_int_equal(press(1, ALICE, START + 10 * SECOND, 0), 0);
        assert_int_equal(rush_deadline(&rush), START + (MANY + 2) * EACH);
        assert_true(rush_ends(&rush, START + (MANY + 2) * EACH));
        assert_none();
        assert_int_equal(press(MANY, ALICE, START + (MANY + 2) * EACH, 0), 0);
}

static void test_ends_two_minutes_after_the_last_one(void **state) {
        press(1000, ALICE, START, 0);
        assert_int_equal(rush_deadline(&rush), START + 120 * SECOND);
        press(1000, ALICE, START + 30 * SECOND, 0);
        assert_int_equal(rush_deadline(&rush), START + 150 * SECOND);
        assert_true(rush_ends(&rush, START + 150 * SECOND));
        assert_none();
}

static void test_is_of_who_comes_most(void **state) {
        uid_t uid = 0;

        press(100, BOB, START, 0);
        press(301, ALICE, START, 0);
        assert_true(rush_is_of(&rush, &uid));
        assert_int_equal(uid, ALICE);
}

static void test_is_of_nobody_if_all_come_alike(void **state) {
        uid_t uid = 0;

        assert_false(rush_is_of(&rush, &uid));
        for (uid_t i = 0; i < 1000; i++)
                press(1, i % 4, START, 0);
        assert_false(rush_is_of(&rush, &uid));
        press(200, ALICE, START, 0);
        assert_false(rush_is_of(&rush, &uid));
}

static void test_who_came_before_all_was_paid_is_forgotten(void **state) {
        uid_t uid = 0;

        press(MANY, ALICE, START, 0);
        press(2, BOB, START + MANY * EACH, 0);
        assert_true(rush_is_of(&rush, &uid));
        assert_int_equal(uid, BOB);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_start_of_a_fleet_is_no_rush, setup),
                cmocka_unit_test_setup(test_more_at_once_are_one, setup),
                cmocka_unit_test_setup(test_fleets_that_start_one_after_the_other_are_none, setup),
                cmocka_unit_test_setup(test_few_that_press_for_ever_are_none, setup),
                cmocka_unit_test_setup(test_a_long_pause_is_not_saved_up, setup),
                cmocka_unit_test_setup(test_pauses_do_not_hide_it, setup),
                cmocka_unit_test_setup(test_ends_when_all_is_paid, setup),
                cmocka_unit_test_setup(test_ends_two_minutes_after_the_last_one, setup),
                cmocka_unit_test_setup(test_is_of_who_comes_most, setup),
                cmocka_unit_test_setup(test_is_of_nobody_if_all_come_alike, setup),
                cmocka_unit_test_setup(test_who_came_before_all_was_paid_is_forgotten, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
