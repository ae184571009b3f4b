/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/lease.h"

#define START (1000 * SECOND)

static const struct terms defaults = TERMS_DEFAULT;
static const struct want any;

/* The lease that a test is about, the time there, and what the last judgement said. */
static struct lease lease;
static uint64_t now;
static enum hindrance why;
static uint64_t next;

static int setup(void **state) {
        now = START;
        lease_init(&lease, &defaults);
        return 0;
}

static int teardown(void **state) {
        lease_deinit(&lease);
        return 0;
}

static void begin(void) {
        lease_begin(&lease, false, now);
}

static void force(void) {
        lease_begin(&lease, true, now);
}

static void end(struct outcome outcome, uint64_t random) {
        lease_ended(&lease, &outcome, random, now);
        outcome_deinit(&outcome);
}

/* An attempt that ends at once. */
static void attempt(struct outcome outcome) {
        begin();
        end(outcome, LEAST);
}

static enum verdict judge_with_budget(struct want want, uint64_t budget_next) {
        why = HINDRANCE_NONE;
        next = 0;
        return lease_judge(&lease, &want, budget_next, now, &why, &next);
}

static enum verdict judge(struct want want) {
        return judge_with_budget(want, now);
}

static struct want newer_than(uint64_t generation) {
        return (struct want){.after = generation};
}

static struct want newer(void) {
        return newer_than(lease.generation);
}

static struct want min_valid(uint64_t seconds) {
        return (struct want){.min_valid = seconds * SECOND};
}

static void assert_paused(struct want want, enum hindrance because, uint64_t until) {
        assert_int_equal(judge(want), VERDICT_PAUSED);
        assert_int_equal(why, because);
        assert_int_equal(next, until);
}

/* ---- a token's life: refresh, floor, expiry ---- */

static void test_token_is_asked_for_before_anyone_wants_it(void **state) {
        assert_int_equal(lease_next_attempt(&lease), 0);
        assert_int_equal(judge(any), VERDICT_RENEW);
        begin();
        assert_int_equal(lease_next_attempt(&lease), NEVER);
        assert_int_equal(judge(any), VERDICT_WAIT);
        end(granted("a", 3600), LEAST);
        assert_int_equal(judge(any), VERDICT_TOKEN);
        assert_string_equal(lease.access_token.data, "a");
        assert_string_equal(lease.scope, "read");
        assert_int_equal(lease.renewals, 1);
}

/* E - min(420 s, L/4) - U(0, min(60 s, L/20)), and F = min(60 s, L/10); in ms from t_sent on. */
static const struct {
        uint64_t life, first_refresh, last_refresh, floor; /* life in s */
} lives[] = {
        {1, 700, 750, 900},
        {2, 1400, 1500, 1800},
        {10, 7000, 7500, 9000},
        {59, 41300, 44250, 53100},
        {599, 419300, 449250, 539100},
        {600, 420000, 450000, 540000},     /* L/10 is 60 s */
        {1200, 840000, 900000, 1140000},   /* L/20 is 60 s */
        {1680, 1200000, 1260000, 1620000}, /* L/4 is 420 s */
        {1681, 1201000, 1261000, 1621000},
        {3600, 3120000, 3180000, 3540000},
        {86400, 85920000, 85980000, 86340000},
};

static void test_refresh_and_floor_follow_from_the_life(void **state) {
        for (size_t i = 0; i < ELEMENTS(lives); i++) {
                attempt(granted("a", lives[i].life));
                assert_int_equal(lease.expires_at, now + lives[i].life * SECOND);
                assert_int_equal(lease.refresh_at, now + lives[i].last_refresh * NSEC_PER_MSEC);
                assert_int_equal(lease.floor_at, now + lives[i].floor * NSEC_PER_MSEC);
                begin();
                end(granted("a", lives[i].life), MOST);
                assert_int_equal(lease.refresh_at, now + lives[i].first_refresh * NSEC_PER_MSEC);
        }
}

static void test_token_is_handed_out_until_its_floor_and_not_at_it(void **state) {
        static const uint64_t expires_in[] = {1, 2, 10, 59, 600, 3600, OUTCOME_EXPIRES_IN_MAX};

        for (size_t i = 0; i < ELEMENTS(expires_in); i++) {
                attempt(granted("a", expires_in[i]));
                assert_int_equal(lease_deadline(&lease), lease.floor_at);
                now = lease.floor_at - 1;
                lease_expired(&lease, now);
                assert_int_equal(judge(any), VERDICT_TOKEN);
                now = lease.floor_at;
                assert_int_equal(judge(any), VERDICT_RENEW);
                lease_expired(&lease, now);
                assert_int_equal(judge(any), VERDICT_RENEW);
                assert_null(lease.access_token.data);
                assert_int_equal(lease_deadline(&lease), NEVER);
        }
}

static void test_longest_life_at_the_end_of_time_does_not_overflow(void **state) {
        now = NEVER - 100 * SECOND;
        attempt(granted("a", OUTCOME_EXPIRES_IN_MAX));
        assert_int_equal(judge(any), VERDICT_TOKEN);
        assert_int_equal(lease.expires_at, NEVER);
        assert_true(lease.floor_at > now && lease.floor_at < NEVER);
        assert_int_equal(judge(newer()), VERDICT_PAUSED);
}

static void test_life_counts_from_when_the_request_was_sent(void **state) {
        static const struct {
                uint64_t sent_at, counted; /* from the start on */
        } cases[] = {
                {3 * SECOND, 3 * SECOND},
                {10 * SECOND, 10 * SECOND},
                {10 * SECOND + 1, 10 * SECOND}, /* after the answer: a lie */
                {0, 0},
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct outcome outcome = granted("a", 3600);
                uint64_t started = now;

                outcome.sent_at = started + cases[i].sent_at;
                begin();
                now += 10 * SECOND;
                end(outcome, LEAST);
                assert_int_equal(lease.expires_at, started + cases[i].counted + 3600 * SECOND);
        }
}

static void test_life_counts_from_the_start_when_the_sending_is_not_known(void **state) {
        static const uint64_t sent_at[] = {0, 1, START - 1};

        for (size_t i = 0; i < ELEMENTS(sent_at); i++) {
                struct outcome outcome = granted("a", 3600);
                uint64_t started = now;

                outcome.sent_at = sent_at[i];
                begin();
                now += 10 * SECOND;
                end(outcome, LEAST);
                assert_int_equal(lease.expires_at, started + 3600 * SECOND);
        }
}

static void test_token_whose_life_is_over_when_it_comes_is_a_failure(void **state) {
        begin();
        now += 9 * SECOND;
        end(granted("late", 10), LEAST);
        assert_null(lease.access_token.data);
        assert_int_equal(lease.generation, 0);
        assert_true(lease.is_failing);
        assert_int_equal(lease.failure.kind, OUTCOME_FAILED);
        assert_string_equal(lease.failure.message, "the token's life was over when it came");
        assert_int_equal(lease_next_attempt(&lease), now + SECOND / 2);

        now += SECOND;
        begin();
        now += 9 * SECOND - 1;
        end(granted("just in time", 10), LEAST);
        assert_int_equal(judge(any), VERDICT_TOKEN);
        assert_false(lease.is_failing);
}

static void test_token_whose_life_is_over_does_not_take_the_place_of_a_good_one(void **state) {
        attempt(granted("good", 3600));
        now += 100 * SECOND;
        begin();
        now += 9 * SECOND;
        end(granted("late", 10), LEAST);
        assert_int_equal(judge(any), VERDICT_TOKEN);
        assert_string_equal(lease.access_token.data, "good");
        assert_int_equal(lease.expires_at, START + 3600 * SECOND);
}

static void test_valid_token_outlives_every_kind_of_failure(void **state) {
        struct outcome (*const kinds[])(void) = {not_sent, denied, misconfigured};

        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                attempt(granted("good", 3600));
                now = lease.refresh_at;
                attempt(kinds[i]());
                now = lease.floor_at - 1;
                assert_int_equal(judge(any), VERDICT_TOKEN);
                assert_string_equal(lease.access_token.data, "good");
                begin();
                now++;
                lease_expired(&lease, now);
                end(kinds[i](), LEAST);
                assert_null(lease.access_token.data);
                now += MINUTE;
        }
}

static void test_token_is_wiped_at_its_floor_while_it_is_being_renewed(void **state) {
        attempt(granted("old", 3600));
        now = lease.floor_at - SECOND;
        begin();
        assert_int_equal(lease_deadline(&lease), now + SECOND);
        now += SECOND;
        lease_expired(&lease, now);
        assert_int_equal(lease.state, LEASE_FETCHING);
        assert_null(lease.access_token.data);
        assert_int_equal(lease_deadline(&lease), now - SECOND + defaults.attempt_timeout);
        end(granted("new", 3600), LEAST);
        assert_int_equal(judge(any), VERDICT_TOKEN);
        assert_string_equal(lease.access_token.data, "new");
}

static void test_failure_that_comes_after_the_floor_gives_the_token_up(void **state) {
        attempt(granted("old", 3600));
        now = lease.floor_at - SECOND;
        begin();
        now += SECOND;
        end(failed(500), LEAST);
        assert_int_equal(judge(any), VERDICT_WAIT);
        assert_true(lease_expired(&lease, now));
        assert_int_equal(lease.state, LEASE_EMPTY);
        assert_null(lease.access_token.data);
        assert_false(lease_expired(&lease, now));
}

/* ---- generations ---- */

static void test_generation_is_at_least_the_milliseconds_since_boot(void **state) {
        attempt(granted("a", 3600));
        assert_int_equal(lease.generation, START / NSEC_PER_MSEC);
        now += 100 * SECOND - 1;
        attempt(granted("b", 3600));
        assert_int_equal(lease.generation, now / NSEC_PER_MSEC);
}

static void test_generation_rises_by_one_at_least(void **state) {
        attempt(granted("a", 3600));
        attempt(granted("b", 3600));
        assert_int_equal(lease.generation, START / NSEC_PER_MSEC + 1);
        lease.generation = START;
        attempt(granted("c", 3600));
        assert_int_equal(lease.generation, START + 1);
}

static void test_generation_stays_while_the_token_is_the_same(void **state) {
        uint64_t generation;

        attempt(granted("a", 3600));
        generation = lease.generation;
        now += 100 * SECOND;
        attempt(granted("a", 1800));
        assert_int_equal(lease.generation, generation);
        assert_int_equal(lease.expires_at, now + 1800 * SECOND);
        assert_int_equal(lease.renewals, 2);
}

static void test_generation_stays_known_when_the_token_is_gone(void **state) {
        attempt(granted("a", 3600));
        now = lease.floor_at;
        lease_expired(&lease, now);
        assert_int_equal(lease.generation, START / NSEC_PER_MSEC);
}

/* ---- retries ---- */

static void test_first_retry_comes_soon_and_later_ones_are_spread_over_the_minute(void **state) {
        /* From the attempt's start on, in ms, by least and most chance. */
        static const struct {
                uint64_t least, most;
        } retries[] = {
                {500, 1000},                    /* U(0.5 s, 1 s) */
                {15000, 15000},                 /* U(0, 2 s), but 60 s / 4 apart */
                {15000, 15000},                 /* U(0, 4 s) */
                {15000, 15000}, {15000, 16000}, /* U(0, 16 s) */
                {15000, 32000}, {15000, 60000}, /* U(0, 60 s) */
                {15000, 60000},
        };

        for (int most = 0; most < 2; most++) {
                setup(NULL);
                for (size_t i = 0; i < ELEMENTS(retries); i++) {
                        begin();
                        end(failed(500), most ? MOST : LEAST);
                        assert_int_equal(lease_next_attempt(&lease),
                                         now + (most ? retries[i].most : retries[i].least) *
                                                         NSEC_PER_MSEC);
                        now = lease_next_attempt(&lease);
                }
        }
}

static void test_retry_does_not_come_before_the_backoff_of_a_slow_attempt(void **state) {
        attempt(failed(500));
        begin();
        now += 20 * SECOND;
        end(failed(500), MOST);
        assert_int_equal(lease_next_attempt(&lease), now + 2 * SECOND);
}

static void test_failures_are_forgotten_after_a_success(void **state) {
        for (int i = 0; i < 5; i++)
                attempt(failed(500));
        attempt(granted("a", 3600));
        assert_false(lease.is_failing);
        now = lease.refresh_at;
        attempt(failed(500));
        assert_int_equal(lease_next_attempt(&lease), now + SECOND / 2);
}

static void test_success_ends_every_pause(void **state) {
        attempt(failed(500));
        attempt(retry_after(3600));
        attempt(denied());
        attempt(denied());
        attempt(granted("a", 100));
        assert_int_equal(lease_next_attempt(&lease), lease.refresh_at);
        now += MINUTE;
        assert_int_equal(judge(newer()), VERDICT_RENEW);
}

static void test_failure_is_remembered_for_people(void **state) {
        attempt(denied());
        assert_true(lease.is_failing);
        assert_int_equal(lease.failure.kind, OUTCOME_DENIED);
        assert_int_equal(lease.failure.at, START);
        assert_int_equal(lease.failure.status, 401);
        assert_string_equal(lease.failure.error, "invalid_client");
        attempt(misconfigured());
        assert_string_equal(lease.failure.error, "");
        assert_string_equal(lease.failure.message, "cannot read it");
        attempt(granted("a", 3600));
        assert_false(lease.is_failing);
        assert_string_equal(lease.failure.message, "");
}

static void test_failures_of_one_kind_and_status_are_counted_in_a_row(void **state) {
        static const struct {
                int status; /* 200: a token that comes too late */
                unsigned times;
        } steps[] = {{500, 1}, {500, 2}, {503, 1}, {200, 1}, {200, 2}, {200, 3}, {500, 1}};

        for (size_t i = 0; i < ELEMENTS(steps); i++) {
                begin();
                now += 10 * SECOND;
                end(steps[i].status == 200 ? granted("late", 1) : failed(steps[i].status), LEAST);
                assert_int_equal(lease.failure.times, steps[i].times);
        }
        assert_false(lease.has_recovered);
        attempt(granted("a", 3600));
        assert_true(lease.has_recovered);
        attempt(granted("b", 3600));
        assert_false(lease.has_recovered);
        attempt(failed(500));
        assert_int_equal(lease.failure.times, 1);
}

static void test_retry_after_is_honoured_up_to_an_hour(void **state) {
        static const uint64_t asked[] = {1, 2, 59, 3599, 3600, 3601, UINT64_MAX};

        for (size_t i = 0; i < ELEMENTS(asked); i++) {
                setup(NULL);
                attempt(retry_after(asked[i]));
                assert_int_equal(lease_next_attempt(&lease),
                                 now + time_min(asked[i], 3600) * SECOND);
        }
}

static void test_retry_after_does_not_shorten_the_backoff(void **state) {
        begin();
        end(failed(500), MOST);
        begin();
        end(retry_after(1), MOST);
        assert_int_equal(lease_next_attempt(&lease), now + 15 * SECOND);
}

static void test_retry_after_holds_for_a_refusal_too(void **state) {
        struct outcome outcome = denied();

        outcome.retry_after = 300;
        attempt(outcome);
        assert_int_equal(lease_next_attempt(&lease), now + 300 * SECOND);
        assert_int_equal(judge(any), VERDICT_DENIED);
}

static void test_denied_pause_doubles_to_15_min(void **state) {
        static const uint64_t minutes[] = {1, 2, 4, 8, 15, 15};

        for (size_t i = 0; i < ELEMENTS(minutes); i++) {
                attempt(denied());
                assert_int_equal(lease_next_attempt(&lease), now + minutes[i] * MINUTE);
                assert_int_equal(judge(any), VERDICT_DENIED);
                now = lease_next_attempt(&lease);
                assert_int_equal(judge(any), VERDICT_RENEW);
        }
        attempt(granted("a", 3600));
        now = lease.refresh_at;
        attempt(denied());
        assert_int_equal(lease_next_attempt(&lease), now + MINUTE);
}

static void test_misconfigured_is_tried_again_after_30_s(void **state) {
        for (int i = 0; i < 3; i++) {
                attempt(misconfigured());
                assert_int_equal(lease_next_attempt(&lease), now + 30 * SECOND);
                assert_int_equal(judge(any), VERDICT_WAIT);
                now = lease_next_attempt(&lease);
        }
}

/* An operator's refresh, and a reload. */
static void test_refresh_ends_every_pause_of_our_own(void **state) {
        struct outcome (*const kinds[])(void) = {not_sent, denied, misconfigured};

        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                setup(NULL);
                attempt(kinds[i]());
                attempt(kinds[i]());
                assert_true(lease_next_attempt(&lease) > now);
                lease_refresh(&lease, now);
                assert_int_equal(judge(any), VERDICT_RENEW);
                assert_true(lease_next_attempt(&lease) <= now);
        }
        attempt(denied());
        assert_int_equal(lease_next_attempt(&lease), now + MINUTE);
}

static void test_refresh_does_not_end_what_the_endpoint_asked_for(void **state) {
        attempt(retry_after(100));
        lease_refresh(&lease, now);
        assert_int_equal(lease_next_attempt(&lease), now + 100 * SECOND);
        assert_int_equal(judge(any), VERDICT_WAIT);
}

static void test_refresh_renews_a_good_token_once_successes_are_apart(void **state) {
        attempt(granted("a", 3600));
        now += 10 * SECOND;
        lease_refresh(&lease, now);
        assert_int_equal(lease_next_attempt(&lease), START + 30 * SECOND);
        now = START + 40 * SECOND;
        lease_refresh(&lease, now);
        assert_true(lease_next_attempt(&lease) <= now);
        assert_int_equal(judge(any), VERDICT_TOKEN);
}

static void test_refresh_in_flight_renews_once_more(void **state) {
        begin();
        lease_refresh(&lease, now);
        end(granted("a", 3600), LEAST);
        assert_int_equal(lease_next_attempt(&lease), now + 30 * SECOND);
        now += 30 * SECOND;
        attempt(granted("b", 3600));
        assert_int_equal(lease_next_attempt(&lease), lease.refresh_at);
        assert_true(lease.refresh_at > now + 3000 * SECOND);

        now = lease.refresh_at;
        begin();
        lease_refresh(&lease, now);
        end(denied(), LEAST);
        assert_true(lease_next_attempt(&lease) <= now);
}

static void test_new_terms_hold_from_the_next_token_on(void **state) {
        struct terms terms = defaults;

        attempt(granted("a", 3600));
        terms.floor = 100 * SECOND;
        lease_set_terms(&lease, &terms);
        assert_int_equal(lease.floor_at, lease.expires_at - 60 * SECOND);
        now += 100 * SECOND;
        attempt(granted("b", 3600));
        assert_int_equal(lease.floor_at, lease.expires_at - 100 * SECOND);
}

/* ---- renewals are apart ---- */

static void test_renewals_are_30_s_or_half_a_life_apart(void **state) {
        static const struct {
                uint64_t life, apart; /* s, ms */
        } cases[] = {{1, 500},    {2, 1000},   {10, 5000},   {59, 29500},
                     {60, 30000}, {61, 30000}, {3600, 30000}};

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                setup(NULL);
                attempt(granted("a", cases[i].life));
                lease_refresh(&lease, now);
                assert_int_equal(lease_next_attempt(&lease), now + cases[i].apart * NSEC_PER_MSEC);
                assert_paused(newer(), HINDRANCE_FRESH, now + cases[i].apart * NSEC_PER_MSEC);
                now += cases[i].apart * NSEC_PER_MSEC - 1;
                assert_int_equal(judge(newer()), VERDICT_PAUSED);
                now++;
                assert_int_equal(judge(newer()), VERDICT_RENEW);
                teardown(NULL);
        }
}

/* A provider that hands out one token until it is dead, then the next. */
static void test_same_dying_token_again_and_again_causes_no_storm(void **state) {
        const uint64_t dies_at = START + 3600 * SECOND;
        unsigned attempts = 0;

        while (now < dies_at - SECOND) {
                attempt(granted("dying", (dies_at - now) / SECOND));
                assert_true(lease.expires_at <= dies_at);
                assert_true(lease_next_attempt(&lease) > now);
                attempts++;
                if (lease_next_attempt(&lease) >= lease.floor_at) {
                        now = lease.floor_at;
                        lease_expired(&lease, now);
                }
                now = time_max(now, lease_next_attempt(&lease));
        }
        assert_in_range(attempts, 2, 20);
}

/* ---- what a request gets ---- */

static void test_after_the_current_generation_renews(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        assert_int_equal(judge(newer()), VERDICT_RENEW);
        assert_int_equal(judge(newer_than(lease.generation - 1)), VERDICT_TOKEN);
}

static void test_after_a_generation_to_come_counts_as_absent(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        assert_int_equal(judge(newer_than(lease.generation + 1)), VERDICT_TOKEN);
        assert_int_equal(judge(newer_than(UINT64_MAX)), VERDICT_TOKEN);
}

static void test_others_go_on_getting_the_token_that_one_was_refused_with(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        force();
        assert_int_equal(judge(newer()), VERDICT_WAIT);
        assert_int_equal(judge(any), VERDICT_TOKEN);
        assert_int_equal(judge(min_valid(3600)), VERDICT_WAIT);
}

static void test_min_valid_at_what_is_left_is_met_and_one_past_it_renews(void **state) {
        attempt(granted("a", 3600));
        now += 600 * SECOND;
        assert_int_equal(judge((struct want){.min_valid = 3000 * SECOND}), VERDICT_TOKEN);
        assert_int_equal(judge((struct want){.min_valid = 3000 * SECOND + 1}), VERDICT_RENEW);
}

static void test_token_younger_than_30_s_meets_any_min_valid(void **state) {
        attempt(granted("a", 120));
        now += 30 * SECOND - 1;
        assert_int_equal(judge(min_valid(1000000)), VERDICT_TOKEN);
        now++;
        assert_int_equal(judge(min_valid(1000000)), VERDICT_RENEW);
}

/* Though successes are half a life apart, and it is older than that. */
static void test_short_lived_token_is_young_for_30_s_too(void **state) {
        attempt(granted("a", 40));
        now += 30 * SECOND - 1;
        assert_int_equal(judge(min_valid(3600)), VERDICT_TOKEN);
        now++;
        assert_int_equal(judge(min_valid(3600)), VERDICT_RENEW);
}

static void test_no_token_above_its_floor_meets_min_valid_by_less_than_the_floor(void **state) {
        attempt(granted("a", 3600));
        now = lease.floor_at;
        assert_int_equal(judge(min_valid(1)), VERDICT_RENEW);
}

/* Each thing that forbids a renewal now: after gets 429, min_valid the token that there is. */
static void assert_hindered(enum hindrance because, uint64_t until) {
        assert_paused(newer(), because, until);
        assert_int_equal(judge(min_valid(3600)), VERDICT_TOKEN);
        assert_int_equal(judge(any), VERDICT_TOKEN);
        now = until;
        assert_int_equal(judge(newer()), VERDICT_RENEW);
        assert_int_equal(judge(min_valid(3600)), VERDICT_RENEW);
}

static void test_backoff_forbids_a_forced_renewal(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        attempt(failed(500));
        assert_hindered(HINDRANCE_BACKOFF, now + SECOND / 2);
}

static void test_retry_after_forbids_a_forced_renewal(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        attempt(retry_after(100));
        assert_hindered(HINDRANCE_BACKOFF, now + 100 * SECOND);
}

static void test_denied_pause_forbids_a_forced_renewal(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        attempt(denied());
        assert_hindered(HINDRANCE_DENIED, now + MINUTE);
}

static void test_misconfiguration_forbids_a_forced_renewal(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        attempt(misconfigured());
        assert_hindered(HINDRANCE_MISCONFIGURED, now + 30 * SECOND);
}

static void test_budget_forbids_a_forced_renewal(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        assert_int_equal(judge_with_budget(newer(), now + 1), VERDICT_PAUSED);
        assert_int_equal(why, HINDRANCE_BUDGET);
        assert_int_equal(next, now + 1);
        assert_int_equal(judge_with_budget(min_valid(3600), now + 1), VERDICT_TOKEN);
        assert_int_equal(judge_with_budget(newer(), now), VERDICT_RENEW);
}

static void test_pause_ends_when_the_last_of_its_reasons_does(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        attempt(failed(500));
        assert_int_equal(judge_with_budget(newer(), now + 40 * SECOND), VERDICT_PAUSED);
        assert_int_equal(next, now + 40 * SECOND);
}

static void test_with_no_token_a_request_waits_unless_the_endpoint_denies(void **state) {
        static const struct want wants[] = {{0}, {.after = 1}, {.min_valid = 300 * SECOND}};

        for (size_t i = 0; i < ELEMENTS(wants); i++) {
                setup(NULL);
                assert_int_equal(judge_with_budget(wants[i], now + 1), VERDICT_WAIT);
                attempt(failed(500));
                assert_int_equal(judge(wants[i]), VERDICT_WAIT);
                attempt(misconfigured());
                assert_int_equal(judge(wants[i]), VERDICT_WAIT);
                attempt(retry_after(100));
                assert_int_equal(judge(wants[i]), VERDICT_WAIT);
                attempt(denied());
                assert_int_equal(judge(wants[i]), VERDICT_DENIED);
        }
}

/* ---- renewal on refusal ---- */

/* A worker's refusal renews the token, if that is allowed now. */
static bool refuse(const char *new_token) {
        if (judge(newer()) != VERDICT_RENEW)
                return false;
        force();
        end(granted(new_token, 86400), LEAST);
        return true;
}

static void test_second_forced_renewal_within_60_s_is_not_made(void **state) {
        attempt(granted("a", 86400));
        now += MINUTE;
        assert_true(refuse("b"));
        assert_paused(newer(), HINDRANCE_FRESH, now + MINUTE);
        assert_int_equal(judge(any), VERDICT_TOKEN);
        now += 30 * SECOND; /* not young any more */
        assert_int_equal(judge(min_valid(86400)), VERDICT_TOKEN);
        now += 30 * SECOND - 1;
        assert_false(refuse("c"));
        now++;
        assert_true(refuse("c"));
}

static void test_forced_pause_doubles_to_15_min_while_refusals_go_on(void **state) {
        static const uint64_t pauses[] = {1, 2, 4, 8, 15, 15};

        attempt(granted("a", 86400));
        now += MINUTE;
        for (size_t i = 0; i < ELEMENTS(pauses); i++) {
                assert_true(refuse(i % 2 ? "b" : "c"));
                assert_paused(newer(), HINDRANCE_FRESH, now + pauses[i] * MINUTE);
                now += pauses[i] * MINUTE - 1;
                assert_false(refuse("never"));
                now++;
        }
}

static void test_forced_pause_is_60_s_again_after_a_quiet_time_as_long(void **state) {
        static const struct {
                uint64_t quiet, pause;
        } cases[] = {{2 * MINUTE - 1, 4 * MINUTE}, {2 * MINUTE, MINUTE}};

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                setup(NULL);
                attempt(granted("a", 86400));
                now += MINUTE;
                assert_true(refuse("b"));
                now += MINUTE;
                assert_true(refuse("c")); /* a pause of 2 min */
                now += 2 * MINUTE + cases[i].quiet;
                assert_true(refuse("d"));
                assert_paused(newer(), HINDRANCE_FRESH, now + cases[i].pause);
                teardown(NULL);
        }
}

/* A reload may have changed the terms since the last one. */
static void test_forced_pause_is_never_shorter_than_the_configured_one(void **state) {
        struct terms terms = defaults;

        attempt(granted("a", 86400));
        now += MINUTE;
        assert_true(refuse("b"));
        now += MINUTE;
        terms.renewal_pause = 5 * MINUTE;
        lease_set_terms(&lease, &terms);
        assert_true(refuse("c"));
        assert_paused(newer(), HINDRANCE_FRESH, now + 5 * MINUTE);
}

static void test_same_token_after_a_refusal_counts_as_a_forced_renewal(void **state) {
        uint64_t generation;

        attempt(granted("a", 86400));
        generation = lease.generation;
        now += MINUTE;
        assert_true(refuse("a"));
        assert_int_equal(lease.generation, generation);
        assert_paused(newer(), HINDRANCE_FRESH, now + MINUTE);
}

static void test_renewal_by_itself_is_not_a_forced_one(void **state) {
        attempt(granted("a", 3600));
        now = lease.refresh_at;
        begin();
        end(granted("b", 3600), LEAST);
        assert_paused(newer(), HINDRANCE_FRESH, now + 30 * SECOND);
}

/* Who was refused may be waiting for it: the next attempt is not left to the refresh before expiry.
 */
static void test_forced_renewal_that_failed_is_tried_again(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        force();
        end(failed(500), LEAST);
        assert_int_equal(lease_next_attempt(&lease), now + SECOND / 2);
        now = lease_next_attempt(&lease);
        attempt(denied());
        assert_int_equal(lease_next_attempt(&lease), now + MINUTE);
        now = lease_next_attempt(&lease);
        attempt(granted("b", 3600));
        assert_int_equal(lease_next_attempt(&lease), lease.refresh_at);
        assert_true(lease.refresh_at > now + 3000 * SECOND);
        assert_paused(newer(), HINDRANCE_FRESH, now + MINUTE); /* it was a forced one all along */
}

/* "Fresh" would send who waits for a newer token away, although one is being tried for. */
static void test_failure_in_the_forced_pause_is_named_before_freshness(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        assert_true(refuse("b"));
        now += 30 * SECOND;
        lease_refresh(&lease, now);
        attempt(failed(500));
        assert_paused(newer(), HINDRANCE_BACKOFF, now + 30 * SECOND);
        now += SECOND;
        assert_paused(newer(), HINDRANCE_FRESH, now + 29 * SECOND);
}

static void test_renewal_by_itself_after_a_forced_one_begins_no_pause(void **state) {
        attempt(granted("a", 3600));
        now += MINUTE;
        assert_true(refuse("b"));
        now = lease.refresh_at;
        attempt(granted("c", 3600));
        assert_paused(newer(), HINDRANCE_FRESH, now + 30 * SECOND);
}

static void test_forced_pause_does_not_hold_back_the_refresh_before_expiry(void **state) {
        attempt(granted("a", 3600));
        now = lease.refresh_at - SECOND;
        force();
        end(granted("b", 60), LEAST);
        assert_int_equal(lease_next_attempt(&lease), lease.refresh_at);
        now = lease.floor_at;
        lease_expired(&lease, now);
        assert_int_equal(judge(any), VERDICT_RENEW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* As who answers does. */
static void render(void) {
        for (unsigned i = 0; i < LEASE_RENDERINGS; i++) {
                lease.renderings[i].bytes = BUFFER_INIT(64);
                buffer_append_text(&lease.renderings[i].bytes, "what the token is");
                lease.renderings[i].good_until = NEVER;
                assert_true(rendering_is_good(&lease.renderings[i], now));
        }
}

static void assert_no_rendering(void) {
        for (unsigned i = 0; i < LEASE_RENDERINGS; i++) {
                assert_null(lease.renderings[i].bytes.data);
                assert_false(rendering_is_good(&lease.renderings[i], now));
        }
}

static void test_answers_go_with_the_token(void **state) {
        attempt(granted("one", 3600));
        render();
        now = lease.refresh_at;
        attempt(granted("two", 3600));
        assert_no_rendering();
        render();
        now = lease.floor_at;
        assert_true(lease_expired(&lease, now));
        assert_no_rendering();
        attempt(granted("three", 3600));
        render();
        lease_deinit(&lease);
        assert_no_rendering();
}

static void test_answers_go_when_the_same_token_lives_longer(void **state) {
        attempt(granted("one", 3600));
        render();
        now = lease.refresh_at;
        attempt(granted("one", 3600));
        assert_no_rendering();
}

static void test_answers_stay_through_a_failure(void **state) {
        attempt(granted("one", 3600));
        render();
        now = lease.refresh_at;
        attempt(failed(500));
        for (unsigned i = 0; i < LEASE_RENDERINGS; i++)
                assert_true(rendering_is_good(&lease.renderings[i], now));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_token_is_asked_for_before_anyone_wants_it),
                TEST(test_refresh_and_floor_follow_from_the_life),
                TEST(test_token_is_handed_out_until_its_floor_and_not_at_it),
                TEST(test_longest_life_at_the_end_of_time_does_not_overflow),
                TEST(test_life_counts_from_when_the_request_was_sent),
                TEST(test_life_counts_from_the_start_when_the_sending_is_not_known),
                TEST(test_token_whose_life_is_over_when_it_comes_is_a_failure),
                TEST(test_token_whose_life_is_over_does_not_take_the_place_of_a_good_one),
                TEST(test_valid_token_outlives_every_kind_of_failure),
                TEST(test_token_is_wiped_at_its_floor_while_it_is_being_renewed),
                TEST(test_failure_that_comes_after_the_floor_gives_the_token_up),
                TEST(test_generation_is_at_least_the_milliseconds_since_boot),
                TEST(test_generation_rises_by_one_at_least),
                TEST(test_generation_stays_while_the_token_is_the_same),
                TEST(test_generation_stays_known_when_the_token_is_gone),
                TEST(test_first_retry_comes_soon_and_later_ones_are_spread_over_the_minute),
                TEST(test_retry_does_not_come_before_the_backoff_of_a_slow_attempt),
                TEST(test_failures_are_forgotten_after_a_success),
                TEST(test_success_ends_every_pause),
                TEST(test_failure_is_remembered_for_people),
                TEST(test_failures_of_one_kind_and_status_are_counted_in_a_row),
                TEST(test_retry_after_is_honoured_up_to_an_hour),
                TEST(test_retry_after_does_not_shorten_the_backoff),
                TEST(test_retry_after_holds_for_a_refusal_too),
                TEST(test_denied_pause_doubles_to_15_min),
                TEST(test_misconfigured_is_tried_again_after_30_s),
                TEST(test_refresh_ends_every_pause_of_our_own),
                TEST(test_refresh_does_not_end_what_the_endpoint_asked_for),
                TEST(test_refresh_renews_a_good_token_once_successes_are_apart),
                TEST(test_refresh_in_flight_renews_once_more),
                TEST(test_new_terms_hold_from_the_next_token_on),
                TEST(test_renewals_are_30_s_or_half_a_life_apart),
                TEST(test_same_dying_token_again_and_again_causes_no_storm),
                TEST(test_after_the_current_generation_renews),
                TEST(test_after_a_generation_to_come_counts_as_absent),
                TEST(test_others_go_on_getting_the_token_that_one_was_refused_with),
                TEST(test_min_valid_at_what_is_left_is_met_and_one_past_it_renews),
                TEST(test_token_younger_than_30_s_meets_any_min_valid),
                TEST(test_short_lived_token_is_young_for_30_s_too),
                TEST(test_no_token_above_its_floor_meets_min_valid_by_less_than_the_floor),
                TEST(test_backoff_forbids_a_forced_renewal),
                TEST(test_retry_after_forbids_a_forced_renewal),
                TEST(test_denied_pause_forbids_a_forced_renewal),
                TEST(test_misconfiguration_forbids_a_forced_renewal),
                TEST(test_budget_forbids_a_forced_renewal),
                TEST(test_pause_ends_when_the_last_of_its_reasons_does),
                TEST(test_with_no_token_a_request_waits_unless_the_endpoint_denies),
                TEST(test_second_forced_renewal_within_60_s_is_not_made),
                TEST(test_forced_pause_doubles_to_15_min_while_refusals_go_on),
                TEST(test_forced_pause_is_60_s_again_after_a_quiet_time_as_long),
                TEST(test_forced_pause_is_never_shorter_than_the_configured_one),
                TEST(test_same_token_after_a_refusal_counts_as_a_forced_renewal),
                TEST(test_renewal_by_itself_is_not_a_forced_one),
                TEST(test_forced_renewal_that_failed_is_tried_again),
                TEST(test_failure_in_the_forced_pause_is_named_before_freshness),
                TEST(test_renewal_by_itself_after_a_forced_one_begins_no_pause),
                TEST(test_forced_pause_does_not_hold_back_the_refresh_before_expiry),
                TEST(test_answers_go_with_the_token),
                TEST(test_answers_go_when_the_same_token_lives_longer),
                TEST(test_answers_stay_through_a_failure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
