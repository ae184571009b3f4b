/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "io/crowd.h"

#define START (1000 * SECOND)

/* Something of a user that waits for its turn. */
struct thing {
        struct list by_user;
        struct crowd_user *user;
        unsigned times; /* that it still wants a turn */
};

static struct crowd crowd;
static unsigned served[3]; /* by uid */
static uid_t order[8];     /* who was served, each time that it was another one */
static unsigned n_order;

static int setup(void **state) {
        struct quota_limits limits = {.requests_per_second = 1000};

        for (int kind = 0; kind < N_QUOTA_KINDS; kind++)
                limits.all[kind] = limits.user[kind] = 1000;
        crowd_init(&crowd, &limits);
        memset(served, 0, sizeof served);
        n_order = 0;
        return 0;
}

static struct crowd_user *come(uid_t uid) {
        struct crowd_user *user = crowd_join(&crowd, uid, START);

        assert_non_null(user);
        assert_true(quota_take(&user->quota, QUOTA_CONNECTIONS, 1));
        return user;
}

static void go(struct crowd_user *user) {
        quota_give(&user->quota, QUOTA_CONNECTIONS, 1);
        crowd_leave(user);
}

static void serve(struct list *by_user, uint64_t now) {
        struct thing *thing = CONTAINER_OF(by_user, struct thing, by_user);
        uid_t uid = thing->user->uid;

        crowd_undefer(thing->user, by_user);
        served[uid]++;
        if (n_order == 0 || order[n_order - 1] != uid)
                order[n_order++] = uid;
        if (--thing->times > 0)
                crowd_defer(thing->user, by_user);
}

static void test_a_user_is_one_and_the_same_for_all_its_connections(void **state) {
        struct crowd_user *user = come(7), *other = come(7 + CROWD_BUCKETS);

        assert_ptr_equal(come(7), user);
        assert_ptr_not_equal(user, other);
        assert_int_equal(user->quota.taken[QUOTA_CONNECTIONS], 2);
        go(user);
        go(user);
        go(other);
        crowd_deinit(&crowd);
}

static void test_who_has_left_is_remembered_until_its_rate_is_paid(void **state) {
        struct crowd_user *user = come(1);

        assert_true(quota_admit(&user->quota, START));
        go(user);
        assert_ptr_equal(come(1), user);
        assert_true(user->quota.paid_until > START);
        go(user);
        crowd_leave(crowd_join(&crowd, 2, START + SECOND / 1000 - 1));
        assert_false(list_is_empty(&crowd.absent));
        crowd_deinit(&crowd);
}

static void test_who_has_paid_is_forgotten_when_somebody_comes(void **state) {
        go(come(1));
        go(come(2));
        crowd_leave(crowd_join(&crowd, 0, START));
        assert_true(list_is_empty(&crowd.buckets[1]));
        assert_true(list_is_empty(&crowd.buckets[2]));
        crowd_deinit(&crowd);
}

/* As who had room made, and gets none. */
static void test_who_has_left_and_does_not_come_in_again_is_absent_once(void **state) {
        struct crowd_user *user = come(1);

        go(user);
        crowd_leave(user);
        assert_ptr_equal(list_first(&crowd.absent), &user->by_absence);
        assert_ptr_equal(user->by_absence.next, &crowd.absent);
        crowd_deinit(&crowd);
}

static void test_users_in_line_take_turns(void **state) {
        static struct thing many[2 * QUOTA_TURN], few;
        struct crowd_user *greedy = come(1), *modest = come(2);

        for (size_t i = 0; i < ELEMENTS(many); i++) {
                many[i] = (struct thing){.user = greedy, .times = 2};
                crowd_defer(greedy, &many[i].by_user);
        }
        few = (struct thing){.user = modest, .times = 1};
        crowd_defer(modest, &few.by_user);

        crowd_next_turn(&crowd, serve, START);
        assert_int_equal(served[1], QUOTA_TURN);
        assert_int_equal(served[2], 1);
        for (unsigned turn = 2; turn <= 4; turn++) {
                assert_int_equal(crowd_turn_at(&crowd, START), START);
                crowd_next_turn(&crowd, serve, START);
                assert_int_equal(served[1], turn * QUOTA_TURN);
        }
        assert_int_equal(crowd_turn_at(&crowd, START), NEVER);
        for (size_t i = 0; i < ELEMENTS(many); i++)
                assert_int_equal(many[i].times, 0);
        go(greedy);
        go(modest);
        crowd_deinit(&crowd);
}

static void test_who_had_its_turn_first_is_last_in_the_next_one(void **state) {
        static struct thing things[2][2 * QUOTA_TURN];
        struct crowd_user *users[] = {come(1), come(2)};

        for (size_t user = 0; user < 2; user++)
                for (size_t i = 0; i < 2 * QUOTA_TURN; i++) {
                        things[user][i] = (struct thing){.user = users[user], .times = 1};
                        crowd_defer(users[user], &things[user][i].by_user);
                }
        crowd_next_turn(&crowd, serve, START);
        crowd_next_turn(&crowd, serve, START);
        assert_int_equal(n_order, 4);
        for (unsigned i = 0; i < n_order; i++)
                assert_int_equal(order[i], 1 + i % 2);
        go(users[0]);
        go(users[1]);
        crowd_deinit(&crowd);
}

static void test_who_is_past_its_rate_has_its_turn_when_it_may_ask_again(void **state) {
        struct crowd_user *user = come(1);
        struct thing thing = {.user = user, .times = 1};
        uint64_t next;

        while (quota_admit(&user->quota, START))
                ;
        next = quota_admits_at(&user->quota);
        crowd_defer(user, &thing.by_user);
        assert_int_equal(crowd_turn_at(&crowd, START), next);
        crowd_next_turn(&crowd, serve, next - 1);
        assert_int_equal(served[1], 0);
        crowd_next_turn(&crowd, serve, next);
        assert_int_equal(served[1], 1);
        go(user);
        crowd_deinit(&crowd);
}

static void test_who_leaves_the_line_is_not_called(void **state) {
        struct crowd_user *user = come(1);
        struct thing thing = {.user = user, .times = 1};

        crowd_defer(user, &thing.by_user);
        crowd_undefer(user, &thing.by_user);
        assert_int_equal(crowd_turn_at(&crowd, START), NEVER);
        crowd_next_turn(&crowd, serve, START);
        assert_int_equal(served[1], 0);
        go(user);
        crowd_deinit(&crowd);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_a_user_is_one_and_the_same_for_all_its_connections),
                TEST(test_who_has_left_is_remembered_until_its_rate_is_paid),
                TEST(test_who_has_paid_is_forgotten_when_somebody_comes),
                TEST(test_who_has_left_and_does_not_come_in_again_is_absent_once),
                TEST(test_users_in_line_take_turns),
                TEST(test_who_had_its_turn_first_is_last_in_the_next_one),
                TEST(test_who_is_past_its_rate_has_its_turn_when_it_may_ask_again),
                TEST(test_who_leaves_the_line_is_not_called),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
