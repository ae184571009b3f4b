/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "brokered.h"
#include "scarce.h"

#include "core/recall.h"

/* ---- telling a story ---- */

static const struct peer worker = {.uid = 1000, .gid = 1000};
static const struct want any;

/* A token as an earlier life has left it: an hour's, ten minutes old. */
static struct lease kept(void) {
        uint64_t granted_at = START - 10 * MINUTE;
        struct lease lease = {
                .generation = 5000000,
                .life = 60 * MINUTE,
                .granted_at = granted_at,
                .expires_at = granted_at + 60 * MINUTE,
                .floor_at = granted_at + 59 * MINUTE,
                .refresh_at = granted_at + 53 * MINUTE,
                .renewals = 3,
        };

        assert_int_equal(secret_set(&lease.access_token, "kept", 4), 0);
        return lease;
}

static int recall_as(const char *name, struct lease lease) {
        int r = recall_token(&broker, name, name, name, &lease, now);

        lease_deinit(&lease);
        return r;
}

static struct broker_token *configured(struct broker_spec one) {
        configure(&one, 1);
        return broker_find(&broker, one.name);
}

static enum reply_kind ask(void) {
        struct request request = {0};

        return broker_request(&broker, &request, "a", false, &any, 0, &worker, now);
}

/* The next effect is an attempt, which ends so. */
static void end(struct outcome outcome) {
        struct effect effect = broker_next_effect(&broker);

        assert_int_equal(effect.kind, EFFECT_FETCH);
        broker_ended(&broker, effect.attempt, &outcome, LEAST, now);
        outcome_deinit(&outcome);
}

static void assert_quiet(void) {
        assert_int_equal(broker_next_effect(&broker).kind, EFFECT_NONE);
}

static void test_token_goes_on_without_a_request(void **state) {
        struct broker_token *token;

        assert_int_equal(recall_as("a", kept()), 0);
        token = configured(spec("a"));
        assert_quiet();
        assert_int_equal(ask(), REPLY_TOKEN);
        assert_string_equal(token->lease.access_token.data, "kept");
        assert_int_equal(token->lease.generation, 5000000);
        now = token->lease.refresh_at;
        assert_int_equal(broker_deadline(&broker), now);
        broker_expired(&broker, LEAST, now);
        end(granted("next", 3600));
        assert_int_equal(token->lease.generation, 5000001);
        assert_int_equal(token->lease.renewals, 4);
}

static void test_first_reload_after_it_renews(void **state) {
        assert_int_equal(recall_as("a", kept()), 0);
        configured(spec("a"));
        assert_quiet();
        configured(spec("a"));
        end(granted("next", 3600));
}

static void test_token_past_its_floor_is_given_up(void **state) {
        struct lease lease = kept();
        struct broker_token *token;

        now = lease.floor_at;
        assert_int_equal(recall_as("a", lease), 0);
        token = configured(spec("a"));
        assert_int_equal(token->lease.access_token.size, 0);
        assert_int_equal(ask(), REPLY_TIMEOUT);
        end(granted("next", 3600));
        assert_int_equal(token->lease.generation, 5000001);
}

static void test_generation_rises_though_the_identity_is_another(void **state) {
        struct broker_spec other = spec("a");
        struct broker_token *token;

        other.identity = "another scope";
        assert_int_equal(recall_as("a", kept()), 0);
        token = configured(other);
        assert_int_equal(token->lease.access_token.size, 0);
        end(granted("other", 3600));
        assert_int_equal(token->lease.generation, 5000001);
}

static void test_token_that_is_no_longer_configured_goes(void **state) {
        assert_int_equal(recall_as("b", kept()), 0);
        assert_int_equal(recall_as("a", kept()), 0);
        assert_int_equal(recall_as("c", kept()), 0);
        assert_string_equal(broker.tokens[0]->name, "a");
        configured(spec("a"));
        assert_int_equal(broker.n_tokens, 1);
        assert_quiet();
        assert_int_equal(ask(), REPLY_TOKEN);
}

static void test_what_the_endpoint_asked_for_holds(void **state) {
        struct lease lease = kept();

        secret_deinit(&lease.access_token);
        lease.retry_after_until = START + 100 * SECOND;
        assert_int_equal(recall_as("a", lease), 0);
        configured(spec("a"));
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), START + 100 * SECOND);
}

static void test_pause_of_forced_renewals_holds(void **state) {
        const struct want newer = {.after = 5000000};
        struct request request = {0};
        struct lease lease = kept();

        lease.forced_until = START + 50 * SECOND;
        lease.forced_pause = MINUTE;
        assert_int_equal(recall_as("a", lease), 0);
        configured(spec("a"));
        assert_int_equal(broker_request(&broker, &request, "a", false, &newer, 10, &worker, now),
                         REPLY_PAUSED);
        assert_int_equal(request.reply.next, START + 50 * SECOND);
}

static void test_budget_goes_on(void **state) {
        struct budget budget = {.n_sent = 3, .in_flight = 1, .sent = {START - 50 * SECOND}};
        struct lease lease = kept();

        budget.sent[1] = budget.sent[2] = START - 40 * SECOND;
        lease.refresh_at = START;
        assert_int_equal(recall_as("a", lease), 0);
        assert_int_equal(recall_budget(&broker, "a", &budget, now), 0);
        configured(spec("a"));
        assert_quiet(); /* four were sent in the last minute, for all that is known */
        assert_int_equal(broker_deadline(&broker), START + 10 * SECOND);
}

static void test_budget_that_was_known_is_not_cold(void **state) {
        const struct budget budget = {0};
        struct lease lease = kept();
        uint64_t next;

        lease.refresh_at = START;
        assert_int_equal(recall_as("a", lease), 0);
        assert_int_equal(recall_budget(&broker, "a", &budget, now), 0);
        configured(spec("a"));
        end(failed(500));
        next = broker_next_attempt(&broker, broker_find(&broker, "a"), now);
        assert_true(next < START + 2 * SECOND);
}

static void test_budget_has_its_limit(void **state) {
        struct budget budget = {.n_sent = TERMS_REQUESTS_PER_MINUTE_MAX};

        assert_int_equal(recall_as("a", kept()), 0);
        assert_int_equal(recall_budget(&broker, "a", &budget, now), 0);
        budget.n_sent++;
        assert_int_equal(recall_budget(&broker, "a", &budget, now), -EINVAL);
        budget = (struct budget){.in_flight = TERMS_REQUESTS_PER_MINUTE_MAX + 1};
        assert_int_equal(recall_budget(&broker, "a", &budget, now), -EINVAL);
}

/* Whichever allocation fails. What was recalled before stays, and the next try succeeds. */
static void test_token_without_memory_is_not_recalled(void **state) {
        unsigned failures = 0;
        int r;

        assert_int_equal(recall_as("b", kept()), 0);
        do {
                struct lease lease = kept();

                allocations_left = failures++;
                r = recall_token(&broker, "a", "a", "a", &lease, now);
                allocations_left = UINT_MAX;
                lease_deinit(&lease);
                assert_int_equal(broker.n_tokens, r == 0 ? 2 : 1);
                assert_string_equal(broker_find(&broker, "b")->lease.access_token.data, "kept");
                accounts_sweep(&broker.accounts, now);
        } while (r == -ENOMEM);
        assert_int_equal(r, 0);
        assert_int_equal(failures, 6); /* a token of 2 pieces, an account of 2, an array */
        assert_string_equal(broker_find(&broker, "a")->lease.access_token.data, "kept");
}

static void test_budget_without_memory_is_not_recalled(void **state) {
        const struct budget budget = {.n_sent = 1, .sent = {now - SECOND}};

        for (unsigned left = 0; left < 2; left++) {
                allocations_left = left;
                assert_int_equal(recall_budget(&broker, "a", &budget, now), -ENOMEM);
                allocations_left = UINT_MAX;
                assert_true(list_is_empty(&broker.accounts));
        }
        assert_int_equal(recall_budget(&broker, "a", &budget, now), 0);
}

static void test_budget_outlives_its_tokens(void **state) {
        const struct budget budget = {.n_sent = 1, .sent = {now - SECOND}};

        assert_int_equal(recall_budget(&broker, "a", &budget, now), 0);
        assert_int_equal(configured(spec("a"))->account->budget.n_sent, 1);
}

static void test_same_token_twice_is_refused(void **state) {
        assert_int_equal(recall_as("a", kept()), 0);
        assert_int_equal(recall_as("a", kept()), -EINVAL);
        assert_int_equal(broker.n_tokens, 1);
}

static void test_times_that_make_no_sense_are_refused(void **state) {
        struct lease wrong[8];

        for (size_t i = 0; i < ELEMENTS(wrong); i++)
                wrong[i] = kept();
        wrong[0].granted_at = now + 1;
        wrong[1].floor_at = wrong[1].expires_at + 1;
        wrong[2].refresh_at = wrong[2].expires_at + 1;
        wrong[3].life--;
        wrong[4].life = OUTCOME_EXPIRES_IN_MAX * SECOND + 1;
        wrong[5].retry_after_until = now + 3600 * SECOND + 1;
        wrong[6].forced_until = now + 1;
        wrong[7].generation = 0;
        for (size_t i = 0; i < ELEMENTS(wrong); i++)
                assert_int_equal(recall_as("a", wrong[i]), -EINVAL);
        assert_int_equal(broker.n_tokens, 0);
}

static void test_changes_are_told_once(void **state) {
        assert_false(broker_take_change(&broker));
        configured(spec("a"));
        assert_true(broker_take_change(&broker));
        assert_false(broker_take_change(&broker));
        end(granted("first", 3600));
        assert_true(broker_take_change(&broker));
        assert_int_equal(ask(), REPLY_TOKEN);
        assert_false(broker_take_change(&broker));
        now = broker_deadline(&broker);
        broker_expired(&broker, LEAST, now);
        assert_true(broker_take_change(&broker)); /* an attempt has begun */
        end(retry_after(3600));
        assert_true(broker_take_change(&broker));
        now = broker_find(&broker, "a")->lease.floor_at;
        broker_expired(&broker, LEAST, now);
        assert_true(broker_take_change(&broker)); /* the token is given up */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_token_goes_on_without_a_request),
                TEST(test_first_reload_after_it_renews),
                TEST(test_token_past_its_floor_is_given_up),
                TEST(test_generation_rises_though_the_identity_is_another),
                TEST(test_token_that_is_no_longer_configured_goes),
                TEST(test_what_the_endpoint_asked_for_holds),
                TEST(test_pause_of_forced_renewals_holds),
                TEST(test_budget_goes_on),
                TEST(test_budget_that_was_known_is_not_cold),
                TEST(test_budget_has_its_limit),
                TEST(test_token_without_memory_is_not_recalled),
                TEST(test_budget_without_memory_is_not_recalled),
                TEST(test_budget_outlives_its_tokens),
                TEST(test_same_token_twice_is_refused),
                TEST(test_times_that_make_no_sense_are_refused),
                TEST(test_changes_are_told_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
