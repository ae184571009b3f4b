/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/waiters.h"

#define START (1000 * SECOND)

static struct waiters waiters;
static struct list token;

static int setup(void **state) {
        waiters_init(&waiters);
        list_init(&token);
        return 0;
}

static void test_nobody_waits_and_nothing_is_due(void **state) {
        struct waiter waiter = {0};

        assert_int_equal(waiters_deadline(&waiters), NEVER);
        assert_null(waiters_expired(&waiters, NEVER));
        assert_false(waiter_waits(&waiter));
        waiters_remove(&waiters, &waiter);
        assert_int_equal(waiters.n, 0);
}

static void test_waiter_gives_up_at_its_deadline_and_not_before(void **state) {
        static const unsigned waits[] = {0, 1, 20, WAITERS_WAIT_MAX - 1, WAITERS_WAIT_MAX};

        for (size_t i = 0; i < ELEMENTS(waits); i++) {
                struct waiter waiter = {0};
                uint64_t deadline = START + waits[i] * SECOND;

                waiters_add(&waiters, &waiter, &token, waits[i], START);
                assert_true(waiter_waits(&waiter));
                assert_int_equal(waiters_deadline(&waiters), deadline);
                assert_null(waiters_expired(&waiters, deadline - 1));
                assert_ptr_equal(waiters_expired(&waiters, deadline), &waiter);
                waiters_remove(&waiters, &waiter);
                assert_false(waiter_waits(&waiter));
        }
}

static void test_waiters_expire_in_the_order_of_their_deadlines(void **state) {
        static const struct {
                unsigned at, wait;
        } added[] = {{0, 60}, {0, 5}, {1, 60}, {2, 2}, {3, 3}, {3, 20}, {4, 3}};
        static const unsigned order[] = {3, 1, 4, 6, 5, 0, 2};
        struct waiter list[ELEMENTS(added)] = {0};

        for (size_t i = 0; i < ELEMENTS(added); i++)
                waiters_add(&waiters, &list[i], &token, added[i].wait,
                            START + added[i].at * SECOND);
        assert_int_equal(waiters.n, ELEMENTS(added));
        for (size_t i = 0; i < ELEMENTS(order); i++) {
                assert_ptr_equal(waiters_expired(&waiters, NEVER), &list[order[i]]);
                assert_int_equal(waiters_deadline(&waiters), list[order[i]].deadline);
                waiters_remove(&waiters, &list[order[i]]);
        }
        assert_int_equal(waiters.n, 0);
}

static void test_token_keeps_its_waiters_in_the_order_of_asking(void **state) {
        struct waiter list[3] = {0};
        size_t i = 0;

        for (size_t j = 0; j < ELEMENTS(list); j++)
                waiters_add(&waiters, &list[j], &token, 30 - (unsigned)j, START);
        LIST_FOREACH(link, &token)
                assert_ptr_equal(CONTAINER_OF(link, struct waiter, by_token), &list[i++]);
        assert_int_equal(i, ELEMENTS(list));
}

static void test_waiter_that_leaves_twice_leaves_once(void **state) {
        struct waiter stays = {0}, leaves = {0};

        waiters_add(&waiters, &stays, &token, 20, START);
        waiters_add(&waiters, &leaves, &token, 20, START);
        waiters_remove(&waiters, &leaves);
        waiters_remove(&waiters, &leaves);
        assert_int_equal(waiters.n, 1);
        assert_ptr_equal(waiters_expired(&waiters, NEVER), &stays);
        assert_ptr_equal(list_first(&token), &stays.by_token);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_nobody_waits_and_nothing_is_due, setup),
                cmocka_unit_test_setup(test_waiter_gives_up_at_its_deadline_and_not_before, setup),
                cmocka_unit_test_setup(test_waiters_expire_in_the_order_of_their_deadlines, setup),
                cmocka_unit_test_setup(test_token_keeps_its_waiters_in_the_order_of_asking, setup),
                cmocka_unit_test_setup(test_waiter_that_leaves_twice_leaves_once, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
