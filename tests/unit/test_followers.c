/* SPDX-License-Identifier: MIT */
/* Followers, as the broker tells them. */
#include "brokered.h"

static const struct peer reader = {.uid = 1000, .gid = 1000};

/* ---- telling a story ---- */

/* What is told next; what else there is to do is passed over, and noted. */
static uint64_t attempt; /* that was started last */

static struct effect next_news(void) {
        struct effect effect;

        do {
                effect = broker_next_effect(&broker);
                if (effect.kind == EFFECT_FETCH)
                        attempt = effect.attempt;
        } while (effect.kind != EFFECT_NEWS && effect.kind != EFFECT_NONE);
        return effect;
}

static void assert_quiet(void) {
        assert_int_equal(next_news().kind, EFFECT_NONE);
}

static void assert_told(struct follower *follower, enum news news) {
        struct effect effect = next_news();

        assert_int_equal(effect.kind, EFFECT_NEWS);
        assert_ptr_equal(effect.follower, follower);
        assert_int_equal(effect.news, news);
        assert_ptr_equal(effect.token, news == NEWS_END ? NULL : follower->token);
}

/* ... and has taken it. */
static void assert_told_and_ready(struct follower *follower, enum news news) {
        assert_told(follower, news);
        broker_follower_is_ready(&broker, follower, now);
}

static void end(struct outcome outcome) {
        assert_non_null(broker_ended(&broker, attempt, &outcome, LEAST, now));
        outcome_deinit(&outcome);
}

/* TOKEN becomes ACCESS_TOKEN, some minutes later. */
static void renew(struct broker_token *token, const char *access_token) {
        now += 5 * MINUTE;
        broker_refresh(&broker, token, now);
        assert_quiet();
        end(granted(access_token, 3600));
}

static struct broker_token *configure_and_fetch(uint64_t expires_in) {
        struct broker_token *token = configure_one();

        assert_quiet();
        end(granted("first", expires_in));
        assert_quiet();
        return token;
}

static enum reply_kind follow(struct follower *follower, const char *name, uint64_t generation) {
        return broker_follow(&broker, follower, name, generation, &reader, now).kind;
}

static void unfollow(struct follower *follower) {
        broker_unfollow(&broker, follower);
        assert_int_equal(broker.followers.n, 0);
        assert_quiet();
}

/* ---- what is told ---- */

static void test_present_generation_is_told_at_once_and_then_each_new_one(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};
        uint64_t first = token->lease.generation;

        assert_int_equal(follow(&follower, "a", 0), REPLY_WAIT);
        assert_told_and_ready(&follower, NEWS_TOKEN);
        assert_int_equal(follower.generation, first);
        assert_quiet();
        renew(token, "second");
        assert_told_and_ready(&follower, NEWS_TOKEN);
        assert_true(follower.generation > first);
        assert_quiet();
        assert_int_equal(token->tally.news, 2);
        unfollow(&follower);
}

static void test_broker_is_not_quiet_while_something_is_to_be_told(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};

        (void)broker_take_change(&broker);
        assert_true(broker_is_quiet(&broker));
        follow(&follower, "a", 0);
        assert_false(broker_is_quiet(&broker));
        assert_told_and_ready(&follower, NEWS_TOKEN);
        assert_true(broker_is_quiet(&broker));
        assert_int_equal(token->n_followers, 1);
        unfollow(&follower);
}

static void test_first_token_is_told_when_it_comes(void **state) {
        struct broker_token *token = configure_one();
        struct follower follower = {0};

        assert_int_equal(follow(&follower, "a", 0), REPLY_WAIT);
        assert_int_equal(token->n_followers, 1);
        assert_quiet();
        end(granted("first", 3600));
        assert_told(&follower, NEWS_TOKEN);
        unfollow(&follower);
        assert_int_equal(token->n_followers, 0);
}

static void test_what_is_decided_twice_is_told_once(void **state) {
        const struct broker_spec one = spec("a");
        struct follower follower = {0};

        configure_one();
        follow(&follower, "a", 0);
        assert_quiet();
        end(granted("first", 3600));
        configure(&one, 1);
        assert_told_and_ready(&follower, NEWS_TOKEN);
        assert_quiet();
        unfollow(&follower);
}

static void test_what_is_known_already_is_not_told(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        uint64_t generation = token->lease.generation;
        const struct {
                uint64_t known;
                bool is_told;
        } cases[] = {
                {generation, false},    {generation - 1, true},
                {generation + 1, true}, /* there has not been one: it knows none */
                {UINT64_MAX, true},     {0, true},
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct follower follower = {0};

                assert_int_equal(follow(&follower, "a", cases[i].known), REPLY_WAIT);
                if (cases[i].is_told)
                        assert_told(&follower, NEWS_TOKEN);
                assert_quiet();
                unfollow(&follower);
        }
}

static void test_same_token_granted_again_is_no_news(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};

        follow(&follower, "a", token->lease.generation);
        renew(token, "first");
        assert_quiet();
        unfollow(&follower);
}

static void test_failure_is_no_news(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};

        follow(&follower, "a", token->lease.generation);
        now += 5 * MINUTE;
        broker_refresh(&broker, token, now);
        assert_quiet();
        end(failed(500));
        assert_quiet();
        unfollow(&follower);
}

static void test_token_that_is_given_up_is_told_once_to_who_knew_it(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower knows = {0}, knew_none = {0};

        follow(&knows, "a", token->lease.generation);
        while (lease_is_usable(&token->lease, now)) {
                now = broker_deadline(&broker);
                broker_expired(&broker, LEAST, now);
                if (lease_is_usable(&token->lease, now))
                        assert_quiet();
        }
        follow(&knew_none, "a", 0);
        assert_told_and_ready(&knows, NEWS_GONE);
        assert_quiet();
        end(granted("second", 3600));
        assert_told(&knows, NEWS_TOKEN);
        assert_told(&knew_none, NEWS_TOKEN);
        broker_unfollow(&broker, &knows);
        unfollow(&knew_none);
}

static void test_who_comes_back_is_told_that_its_token_is_gone(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};

        now = token->lease.floor_at;
        broker_expired(&broker, LEAST, now);
        assert_quiet();
        follow(&follower, "a", token->lease.generation);
        assert_told(&follower, NEWS_GONE);
        unfollow(&follower);
}

static void test_token_that_is_gone_before_it_could_be_told_is_no_news(void **state) {
        struct broker_token *token = configure_one();
        struct follower follower = {0};

        follow(&follower, "a", 0);
        assert_quiet();
        end(granted("first", 10));
        now = token->lease.floor_at;
        broker_expired(&broker, LEAST, now);
        assert_quiet();
        unfollow(&follower);
}

/* ---- who takes its time ---- */

static void test_busy_follower_is_told_of_the_newest_generation_alone(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};

        follow(&follower, "a", 0);
        assert_told(&follower, NEWS_TOKEN);
        renew(token, "second");
        renew(token, "third");
        assert_quiet();
        broker_follower_is_ready(&broker, &follower, now);
        assert_told_and_ready(&follower, NEWS_TOKEN);
        assert_int_equal(follower.generation, token->lease.generation);
        assert_quiet();
        assert_int_equal(token->tally.news, 2);
        unfollow(&follower);
}

static void test_busy_follower_is_told_of_its_end_at_once(void **state) {
        const struct broker_spec other = spec("b");
        struct follower follower = {0};

        configure_and_fetch(3600);
        follow(&follower, "a", 0);
        assert_told(&follower, NEWS_TOKEN);
        configure(&other, 1);
        assert_told(&follower, NEWS_END);
        assert_int_equal(broker.followers.n, 0);
        broker_follower_is_ready(&broker, &follower, now);
        assert_quiet();
}

static void test_who_has_left_is_told_nothing(void **state) {
        struct follower left = {0}, stays = {0}, removed = {0};
        const struct broker_spec other = spec("b");

        configure_and_fetch(3600);
        follow(&left, "a", 0);
        follow(&stays, "a", 0);
        broker_unfollow(&broker, &left);
        broker_unfollow(&broker, &left);
        assert_told_and_ready(&stays, NEWS_TOKEN);
        assert_quiet();
        follow(&removed, "a", 0);
        configure(&other, 1);
        broker_unfollow(&broker, &removed);
        assert_told(&stays, NEWS_END);
        assert_quiet();
}

/* ---- who may ---- */

static void test_who_may_not_have_a_token_does_not_follow_it(void **state) {
        static const uid_t somebody[] = {1};
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct follower follower = {0};

        assert_int_equal(follow(&follower, "a", 0), REPLY_UNCONFIGURED);
        specs[1].policy = (struct policy){.users = somebody, .n_users = 1};
        configure(specs, 2);
        assert_int_equal(follow(&follower, "b", 0), REPLY_FORBIDDEN);
        assert_int_equal(follow(&follower, "c", 0), REPLY_FORBIDDEN);
        assert_int_equal(follow(&follower, "", 0), REPLY_AMBIGUOUS);
        configure(specs, 1);
        assert_int_equal(follow(&follower, "c", 0), REPLY_UNKNOWN);
        assert_int_equal(broker_find(&broker, "a")->n_followers, 0);
        assert_int_equal(broker.tally.replies[REPLY_UNKNOWN], 1);
        assert_quiet();
}

static void test_reload_ends_it_for_who_may_not_have_the_token_any_more(void **state) {
        static const uid_t users[] = {1};
        const struct peer user = {.uid = 1};
        struct broker_spec one = spec("a");
        struct follower mine = {0}, others = {0};

        configure_and_fetch(3600);
        follow(&mine, "a", 0);
        broker_follow(&broker, &others, "a", 0, &user, now);
        assert_told_and_ready(&mine, NEWS_TOKEN);
        assert_told_and_ready(&others, NEWS_TOKEN);
        one.policy = (struct policy){.users = users, .n_users = 1};
        now += MINUTE;
        configure(&one, 1);
        assert_told(&mine, NEWS_END);
        assert_quiet();
        end(granted("second", 3600));
        assert_told(&others, NEWS_TOKEN);
        unfollow(&others);
}

static void test_who_follows_the_default_token_does_not_follow_what_was_that(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct follower by_default = {0}, by_name = {0};

        configure_and_fetch(3600);
        assert_int_equal(follow(&by_default, "", 0), REPLY_WAIT);
        follow(&by_name, "a", 0);
        assert_told_and_ready(&by_default, NEWS_TOKEN);
        assert_told_and_ready(&by_name, NEWS_TOKEN);
        configure(specs, 1);
        assert_quiet();
        specs[1].is_default = true;
        configure(specs, 2);
        assert_told(&by_default, NEWS_END);
        assert_quiet();
        unfollow(&by_name);
}

static void test_token_of_another_identity_is_followed_on(void **state) {
        struct broker_spec one = spec("a");
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};
        uint64_t generation = token->lease.generation;

        follow(&follower, "a", generation);
        one.identity = "another";
        now += MINUTE;
        configure(&one, 1);
        assert_told_and_ready(&follower, NEWS_GONE);
        assert_quiet();
        assert_ptr_equal(follower.token, broker_find(&broker, "a"));
        end(granted("second", 3600));
        assert_told(&follower, NEWS_TOKEN);
        assert_true(follower.generation > generation);
        unfollow(&follower);
}

/* ---- what a user may take ---- */

static void test_follower_takes_one_of_the_places_to_wait_of_its_user(void **state) {
        struct quota_limits limits = {.all = {[QUOTA_WAITING] = 1000},
                                      .user = {[QUOTA_WAITING] = 2},
                                      .requests_per_second = 1};
        struct quota quota;
        struct quota_user user;
        struct request request = {.user = &user};
        const struct want any = {0};
        struct follower followers[3];
        struct reply reply;

        quota_init(&quota, &limits);
        quota_user_init(&user, &quota);
        for (size_t i = 0; i < ELEMENTS(followers); i++)
                followers[i] = (struct follower){.user = &user};
        configure_one();
        assert_int_equal(follow(&followers[0], "a", 0), REPLY_WAIT);
        assert_int_equal(follow(&followers[1], "a", 0), REPLY_WAIT);
        reply = broker_follow(&broker, &followers[2], "a", 0, &reader, now);
        assert_int_equal(reply.kind, REPLY_CROWDED);
        assert_int_equal(reply.next, now + SECOND);
        assert_int_equal(broker_request(&broker, &request, "a", false, &any, 9, &reader, now),
                         REPLY_CROWDED);
        /* Who has more than is allowed from now on keeps it. */
        limits.user[QUOTA_WAITING] = 1;
        quota_set_limits(&quota, &limits);
        assert_int_equal(user.taken[QUOTA_WAITING], 2);
        broker_unfollow(&broker, &followers[0]);
        assert_int_equal(follow(&followers[2], "a", 0), REPLY_CROWDED);
        broker_unfollow(&broker, &followers[1]);
        assert_int_equal(follow(&followers[2], "a", 0), REPLY_WAIT);
        unfollow(&followers[2]);
        assert_int_equal(user.taken[QUOTA_WAITING], 0);
}

static void test_end_gives_the_place_back(void **state) {
        const struct quota_limits limits = {.all = {[QUOTA_WAITING] = 1000},
                                            .user = {[QUOTA_WAITING] = 2},
                                            .requests_per_second = 1};
        const struct broker_spec other = spec("b");
        struct quota quota;
        struct quota_user user;
        struct follower follower = {.user = &user};

        quota_init(&quota, &limits);
        quota_user_init(&user, &quota);
        configure_one();
        follow(&follower, "a", 0);
        assert_int_equal(user.taken[QUOTA_WAITING], 1);
        configure(&other, 1);
        assert_int_equal(user.taken[QUOTA_WAITING], 0);
        assert_told(&follower, NEWS_END);
        unfollow(&follower);
        assert_int_equal(user.taken[QUOTA_WAITING], 0);
}

/* ---- time ---- */

static void test_followers_are_no_reason_to_wake_up(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        uint64_t deadline = broker_deadline(&broker);
        struct follower follower = {0};

        follow(&follower, "a", 0);
        assert_told(&follower, NEWS_TOKEN);
        assert_int_equal(broker_deadline(&broker), deadline);
        assert_int_equal(deadline, token->lease.refresh_at);
        unfollow(&follower);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_present_generation_is_told_at_once_and_then_each_new_one),
                TEST(test_broker_is_not_quiet_while_something_is_to_be_told),
                TEST(test_first_token_is_told_when_it_comes),
                TEST(test_what_is_decided_twice_is_told_once),
                TEST(test_what_is_known_already_is_not_told),
                TEST(test_same_token_granted_again_is_no_news),
                TEST(test_failure_is_no_news),
                TEST(test_token_that_is_given_up_is_told_once_to_who_knew_it),
                TEST(test_who_comes_back_is_told_that_its_token_is_gone),
                TEST(test_token_that_is_gone_before_it_could_be_told_is_no_news),
                TEST(test_busy_follower_is_told_of_the_newest_generation_alone),
                TEST(test_busy_follower_is_told_of_its_end_at_once),
                TEST(test_who_has_left_is_told_nothing),
                TEST(test_who_may_not_have_a_token_does_not_follow_it),
                TEST(test_reload_ends_it_for_who_may_not_have_the_token_any_more),
                TEST(test_who_follows_the_default_token_does_not_follow_what_was_that),
                TEST(test_token_of_another_identity_is_followed_on),
                TEST(test_follower_takes_one_of_the_places_to_wait_of_its_user),
                TEST(test_end_gives_the_place_back),
                TEST(test_followers_are_no_reason_to_wake_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
