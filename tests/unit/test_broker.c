/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "brokered.h"
#include "scarce.h"

static const struct peer worker = {.uid = 1000, .gid = 1000};
static const struct want any;

/* ---- telling a story ---- */

static void assert_quiet(void) {
        assert_int_equal(broker_next_effect(&broker).kind, EFFECT_NONE);
}

/* The next effect starts an attempt for TOKEN: its number. */
static uint64_t started(const struct broker_token *token) {
        struct effect effect = broker_next_effect(&broker);

        assert_int_equal(effect.kind, EFFECT_FETCH);
        assert_ptr_equal(effect.token, token);
        assert_int_equal(effect.attempt, token->attempt);
        assert_true(effect.attempt > 0);
        return effect.attempt;
}

static void assert_abandoned(uint64_t attempt) {
        struct effect effect = broker_next_effect(&broker);

        assert_int_equal(effect.kind, EFFECT_ABANDON);
        assert_int_equal(effect.attempt, attempt);
}

/* TOKEN was given up, at its floor. */
static void assert_given_up(const struct broker_token *token) {
        struct effect effect = broker_next_effect(&broker);

        assert_int_equal(effect.kind, EFFECT_EXPIRED);
        assert_ptr_equal(effect.token, token);
}

static void assert_replied(const struct request *request, enum reply_kind kind) {
        struct effect effect = broker_next_effect(&broker);

        assert_int_equal(effect.kind, EFFECT_REPLY);
        assert_ptr_equal(effect.request, request);
        assert_int_equal(request->reply.kind, kind);
        assert_false(waiter_waits(&request->waiter));
}

static struct broker_token *end(uint64_t attempt, struct outcome outcome) {
        struct broker_token *token = broker_ended(&broker, attempt, &outcome, LEAST, now);

        outcome_deinit(&outcome);
        return token;
}

static enum reply_kind ask(struct request *request, struct want want, unsigned wait) {
        return broker_request(&broker, request, "a", false, &want, wait, &worker, now);
}

static enum reply_kind ask_now(struct want want) {
        struct request request = {0};

        return ask(&request, want, 0);
}

static struct want newer_than(const struct broker_token *token) {
        return (struct want){.after = token->lease.generation};
}

static void expire(void) {
        broker_expired(&broker, LEAST, now);
        assert_true(broker_deadline(&broker) > now);
}

/* Time goes on until something is due. */
static void wait_for_deadline(void) {
        assert_int_not_equal(broker_deadline(&broker), NEVER);
        now = time_max(now, broker_deadline(&broker));
        expire();
}

static void assert_token_is(const struct broker_token *token, const char *access_token) {
        assert_true(lease_is_usable(&token->lease, now));
        assert_string_equal(token->lease.access_token.data, access_token);
}

/* One token, fetched. */
static struct broker_token *configure_and_fetch(uint64_t expires_in) {
        struct broker_token *token = configure_one();

        assert_ptr_equal(end(started(token), granted("first", expires_in)), token);
        assert_quiet();
        return token;
}

/* ---- one attempt for everyone ---- */

/* What is configured may be in an answer. */
static void test_answers_are_written_anew_after_a_reload(void **state) {
        struct broker_token *token = configure_and_fetch(3600);

        token->lease.renderings[0].bytes = BUFFER_INIT(64);
        buffer_append_text(&token->lease.renderings[0].bytes, "what it is");
        token->lease.renderings[0].good_until = NEVER;
        assert_ptr_equal(configure_one(), token);
        assert_null(token->lease.renderings[0].bytes.data);
        assert_false(rendering_is_good(&token->lease.renderings[0], now));
}

/* Who looks at nothing while it is quiet misses nothing. */
static void test_broker_is_quiet_unless_there_is_an_effect_or_a_change(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct follower follower = {0};
        struct request request = {0};

        assert_false(broker_is_quiet(&broker));
        assert_true(broker_take_change(&broker));
        assert_true(broker_is_quiet(&broker));
        assert_int_equal(ask(&request, any, 20), REPLY_TOKEN);
        assert_true(broker_is_quiet(&broker));
        now += MINUTE;
        assert_int_equal(ask(&request, newer_than(token), 5), REPLY_WAIT);
        assert_true(broker_take_change(&broker));
        assert_false(broker_is_quiet(&broker)); /* an attempt */
        assert_true(started(token) > 0);
        assert_quiet();
        assert_true(broker_is_quiet(&broker));
        now += 5 * SECOND;
        expire();
        assert_false(broker_is_quiet(&broker)); /* a reply */
        assert_replied(&request, REPLY_TIMEOUT);
        assert_true(broker_is_quiet(&broker));
        assert_int_equal(broker_follow(&broker, &follower, "a", 0, &worker, now).kind, REPLY_WAIT);
        broker_follower_is_ready(&broker, &follower, now);
        assert_false(broker_is_quiet(&broker)); /* news */
        broker_unfollow(&broker, &follower);
        assert_true(broker_is_quiet(&broker));
}

static void test_token_is_fetched_when_it_is_configured(void **state) {
        struct broker_token *token = configure_one();

        started(token);
        assert_quiet();
        assert_int_equal(broker_next_attempt(&broker, token, now), NEVER);
}

static void test_200_requests_cause_one_attempt_and_all_get_the_token(void **state) {
        static struct request requests[200];
        struct broker_token *token = configure_one();
        uint64_t attempt = started(token);

        for (size_t i = 0; i < ELEMENTS(requests); i++)
                assert_int_equal(ask(&requests[i], any, 20), REPLY_WAIT);
        assert_int_equal(token->n_waiting, 200);
        assert_quiet();
        now += 2 * SECOND;
        end(attempt, granted("first", 3600));
        for (size_t i = 0; i < ELEMENTS(requests); i++) {
                assert_replied(&requests[i], REPLY_TOKEN);
                assert_ptr_equal(requests[i].reply.token, token);
        }
        assert_quiet();
        assert_int_equal(token->n_waiting, 0);
        assert_int_equal(broker.waiters.n, 0);
}

static void test_200_refusals_cause_one_attempt_and_all_get_the_newer_token(void **state) {
        static struct request requests[200];
        struct broker_token *token = configure_and_fetch(3600);
        const struct want newer = newer_than(token);
        uint64_t attempt;

        now += MINUTE;
        for (size_t i = 0; i < ELEMENTS(requests); i++)
                assert_int_equal(ask(&requests[i], newer, 20), REPLY_WAIT);
        attempt = started(token);
        assert_quiet();
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        assert_token_is(token, "first");
        end(attempt, granted("second", 3600));
        for (size_t i = 0; i < ELEMENTS(requests); i++)
                assert_replied(&requests[i], REPLY_TOKEN);
        assert_token_is(token, "second");
        assert_quiet();
}

static void test_answer_to_a_number_that_is_not_current_is_dropped(void **state) {
        struct broker_token *token = configure_one();
        uint64_t attempt = started(token);

        assert_null(end(0, granted("wrong", 3600)));
        assert_null(end(attempt + 1, granted("wrong", 3600)));
        assert_null(end(NEVER, granted("wrong", 3600)));
        assert_true(lease_in_flight(&token->lease));
        assert_ptr_equal(end(attempt, granted("right", 3600)), token);
        assert_null(end(attempt, granted("wrong", 3600)));
        assert_null(end(0, granted("wrong", 3600)));
        assert_token_is(token, "right");
        assert_int_equal(broker.n_in_flight, 0);
}

static void test_attempt_without_an_answer_is_given_up_and_its_late_answer_dropped(void **state) {
        struct broker_token *token = configure_one();
        uint64_t attempt = started(token);

        assert_int_equal(broker_deadline(&broker), START + 20 * SECOND);
        now = START + 20 * SECOND - 1;
        broker_expired(&broker, LEAST, now);
        assert_quiet();
        now++;
        expire();
        assert_abandoned(attempt);
        assert_quiet();
        assert_null(end(attempt, granted("late", 3600)));
        assert_int_equal(token->lease.failures, 1);
        assert_string_equal(token->lease.failure.message, "no answer in time");
        wait_for_deadline();
        assert_true(started(token) > attempt);
        assert_int_equal(token->account->budget.n_sent, 1);
}

static void test_attempt_that_was_never_handed_out_is_not_abandoned_and_not_counted(void **state) {
        struct broker_token *token = configure_one();

        now += 20 * SECOND;
        expire();
        assert_quiet();
        assert_int_equal(token->account->budget.n_sent, 0);
        wait_for_deadline();
        assert_int_equal(started(token), 2);
}

static void test_abandon_comes_before_the_attempt_that_takes_its_place(void **state) {
        struct broker_token *token = configure_one();
        uint64_t attempt = started(token);
        struct request request = {0};

        now += 20 * SECOND;
        assert_int_equal(ask(&request, any, 60), REPLY_WAIT);
        broker_expired(&broker, LEAST, now);
        broker_refresh(&broker, token, now + 15 * SECOND);
        broker_configure(
                &broker,
                &(struct broker_spec){
                        .name = "b", .identity = "b", .account = "b", .terms = TERMS_DEFAULT},
                1, now + 15 * SECOND);
        assert_replied(&request, REPLY_FORBIDDEN);
        assert_abandoned(attempt);
        started(broker_find(&broker, "b"));
        assert_quiet();
}

static void test_replies_come_before_everything_else(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct request request = {0};
        uint64_t attempt;

        configure(specs, 2);
        attempt = started(broker_find(&broker, "a"));
        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        end(attempt, granted("first", 3600));
        assert_replied(&request, REPLY_TOKEN); /* b's attempt has been there for longer */
        started(broker_find(&broker, "b"));
        assert_quiet();
}

static void test_no_more_attempts_are_in_flight_than_the_limit(void **state) {
        struct broker_spec specs[BROKER_IN_FLIGHT_MAX + 1];
        static char names[ELEMENTS(specs)][4];
        uint64_t attempts[BROKER_IN_FLIGHT_MAX];
        struct request request = {0};

        for (size_t i = 0; i < ELEMENTS(specs); i++) {
                snprintf(names[i], sizeof names[i], "a%02u", (unsigned)i % 100);
                specs[i] = spec(names[i]);
        }
        configure(specs, ELEMENTS(specs));
        for (size_t i = 0; i < BROKER_IN_FLIGHT_MAX; i++)
                attempts[i] = started(broker_find(&broker, names[i]));
        assert_quiet();
        assert_int_equal(broker_request(&broker, &request, names[BROKER_IN_FLIGHT_MAX], false, &any,
                                        20, &worker, now),
                         REPLY_WAIT);
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), now + 20 * SECOND);
        end(attempts[3], granted("first", 3600));
        end(started(broker_find(&broker, names[BROKER_IN_FLIGHT_MAX])), granted("first", 3600));
        assert_replied(&request, REPLY_TOKEN);
        assert_quiet();
        assert_int_equal(broker.n_in_flight, BROKER_IN_FLIGHT_MAX - 1);
}

/* ---- who may have what ---- */

static const uid_t only_root[] = {0};

static void test_name_default_and_policy_decide_which_token_is_meant(void **state) {
        static const struct {
                const char *what;
                bool has_default;
                const char *name;
                bool is_hint, is_worker;
                enum reply_kind kind;
                const char *token;
        } cases[] = {
                {"a name", false, "a", false, true, REPLY_TIMEOUT, "a"},
                {"a name of others", false, "secret", false, true, REPLY_FORBIDDEN, "secret"},
                {"a name of theirs", false, "secret", false, false, REPLY_TIMEOUT, "secret"},
                {"no such name", false, "x", false, true, REPLY_FORBIDDEN, NULL},
                {"no such name, may have all", false, "x", false, false, REPLY_UNKNOWN, NULL},
                {"no such name, but a default", true, "x", false, false, REPLY_UNKNOWN, NULL},
                {"no name, no default", false, "", false, true, REPLY_AMBIGUOUS, NULL},
                {"no name, a default", true, "", false, true, REPLY_TIMEOUT, "b"},
                {"a hint that names one", true, "a", true, true, REPLY_TIMEOUT, "a"},
                {"a hint that names none", true, "x", true, true, REPLY_TIMEOUT, "b"},
                {"a hint, no default", false, "x", true, true, REPLY_AMBIGUOUS, NULL},
                {"a hint that names others'", true, "secret", true, true, REPLY_FORBIDDEN,
                 "secret"},
        };
        static const struct peer root = {.uid = 0};

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct broker_spec specs[] = {spec("b"), spec("secret"), spec("a")};
                struct request request = {0};
                enum reply_kind kind;

                specs[0].is_default = cases[i].has_default;
                specs[1].policy = (struct policy){.users = only_root, .n_users = 1};
                setup(NULL);
                configure(specs, ELEMENTS(specs));
                kind = broker_request(&broker, &request, cases[i].name, cases[i].is_hint, &any, 0,
                                      cases[i].is_worker ? &worker : &root, now);
                if (kind != cases[i].kind)
                        fail_msg("%s: %d", cases[i].what, (int)kind);
                assert_int_equal(request.reply.kind, kind);
                if (cases[i].token)
                        assert_string_equal(request.reply.token->name, cases[i].token);
                else
                        assert_null(request.reply.token);
                teardown(NULL);
        }
}

static void test_only_token_is_the_default(void **state) {
        struct request request = {0};

        configure_one();
        assert_int_equal(broker_request(&broker, &request, "", false, &any, 0, &worker, now),
                         REPLY_TIMEOUT);
        assert_string_equal(request.reply.token->name, "a");
}

static void test_forbidden_request_starts_no_renewal(void **state) {
        struct broker_spec one = spec("a");
        struct broker_token *token;

        one.policy = (struct policy){.users = only_root, .n_users = 1};
        configure(&one, 1);
        token = broker_find(&broker, "a");
        end(started(token), granted("first", 3600));
        now += MINUTE;
        assert_int_equal(ask_now(newer_than(token)), REPLY_FORBIDDEN);
        assert_quiet();
}

/* ---- deadlines of requests ---- */

static void test_request_waits_until_its_deadline_and_not_longer(void **state) {
        static const unsigned waits[] = {1, 20, WAITERS_WAIT_MAX - 1, WAITERS_WAIT_MAX};
        static struct request requests[ELEMENTS(waits)];
        struct broker_spec one = spec("a");

        one.terms.attempt_timeout = 2 * MINUTE;
        configure(&one, 1);
        started(broker_find(&broker, "a"));
        for (size_t i = 0; i < ELEMENTS(waits); i++)
                assert_int_equal(ask(&requests[i], any, waits[i]), REPLY_WAIT);
        for (size_t i = 0; i < ELEMENTS(waits); i++) {
                assert_int_equal(broker_deadline(&broker), START + waits[i] * SECOND);
                now = START + waits[i] * SECOND - 1;
                broker_expired(&broker, LEAST, now);
                assert_quiet();
                now++;
                expire();
                assert_replied(&requests[i], REPLY_TIMEOUT);
                assert_quiet();
        }
}

static void test_request_that_ends_with_no_attempt_ended_gets_504(void **state) {
        configure_one();
        assert_int_equal(ask_now(any), REPLY_TIMEOUT);
}

static void test_request_that_ends_after_a_failure_gets_503_and_when_to_come_back(void **state) {
        struct broker_token *token = configure_one();
        struct request request = {0};
        uint64_t attempt;

        end(started(token), failed(500));
        assert_int_equal(ask(&request, any, 0), REPLY_UNAVAILABLE);
        assert_int_equal(request.reply.next, now + 15 * SECOND); /* cold */
        end(0, failed(500));
        assert_int_equal(ask(&request, any, 60), REPLY_WAIT);
        wait_for_deadline();
        attempt = started(token);
        end(attempt, failed(500));
        now = START + 60 * SECOND;
        expire();
        assert_replied(&request, REPLY_UNAVAILABLE);
        assert_true(request.reply.next > now);
}

static void test_misconfigured_token_gives_503(void **state) {
        struct request request = {0};

        end(started(configure_one()), misconfigured());
        assert_int_equal(ask(&request, any, 0), REPLY_UNAVAILABLE);
        assert_int_equal(request.reply.next, now + 30 * SECOND);
        assert_int_equal(ask(&request, any, 1), REPLY_WAIT);
        now += SECOND;
        expire();
        assert_replied(&request, REPLY_UNAVAILABLE);
}

static void test_request_that_ends_in_flight_may_come_back_in_a_second(void **state) {
        struct request request = {0};

        started(configure_one());
        assert_int_equal(ask(&request, any, 0), REPLY_TIMEOUT);
        assert_int_equal(request.reply.next, now + SECOND);
}

static void test_wait_of_0_starts_a_renewal_and_gets_what_there_is(void **state) {
        struct broker_token *token = configure_and_fetch(3600);

        now += MINUTE;
        assert_int_equal(broker_deadline(&broker), token->lease.refresh_at);
        assert_int_equal(ask_now(newer_than(token)), REPLY_TIMEOUT);
        assert_int_equal(broker_deadline(&broker), now + 20 * SECOND);
        started(token);
        assert_int_equal(ask_now((struct want){.min_valid = 3600 * SECOND}), REPLY_TOKEN);
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        assert_quiet();
        assert_int_equal(broker.waiters.n, 0);
}

static void test_min_valid_at_its_deadline_gets_the_token_that_there_is(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};

        now += MINUTE;
        assert_int_equal(ask(&request, (struct want){.min_valid = 3600 * SECOND}, 5), REPLY_WAIT);
        started(token);
        now += 5 * SECOND;
        expire();
        assert_replied(&request, REPLY_TOKEN);
        assert_token_is(token, "first");
}

static void test_min_valid_at_its_deadline_gets_no_token_at_its_floor(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request before = {0}, at = {0};

        now = token->lease.floor_at - 6 * SECOND;
        expire();
        started(token);
        assert_int_equal(ask(&before, (struct want){.min_valid = 3600 * SECOND}, 5), REPLY_WAIT);
        assert_int_equal(ask(&at, (struct want){.min_valid = 3600 * SECOND}, 6), REPLY_WAIT);
        now += 5 * SECOND;
        expire();
        assert_replied(&before, REPLY_TOKEN);
        now += SECOND;
        expire();
        assert_replied(&at, REPLY_TIMEOUT);
        assert_given_up(token);
        assert_quiet();
}

static void test_min_valid_gets_the_token_that_there_is_when_renewal_fails(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};

        now += MINUTE;
        assert_int_equal(ask(&request, (struct want){.min_valid = 3600 * SECOND}, 20), REPLY_WAIT);
        end(started(token), failed(500));
        assert_replied(&request, REPLY_TOKEN);
        assert_int_equal(ask_now((struct want){.min_valid = 3600 * SECOND}), REPLY_TOKEN);
        assert_quiet();
}

static void test_request_that_waits_at_the_floor_goes_on_waiting(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};
        uint64_t attempt;

        now = token->lease.floor_at - SECOND;
        expire();
        attempt = started(token);
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_WAIT);
        now += SECOND;
        expire();
        assert_int_equal(ask_now(any), REPLY_TIMEOUT);
        assert_given_up(token);
        assert_quiet();
        end(attempt, granted("second", 3600));
        assert_replied(&request, REPLY_TOKEN);
        assert_token_is(token, "second");
}

/* ---- passing failures, refusals, pauses ---- */

static void test_refused_worker_waits_through_passing_failures_for_the_newer_token(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request waits = {0}, comes = {0};

        now += MINUTE;
        assert_int_equal(ask(&waits, newer_than(token), 20), REPLY_WAIT);
        end(started(token), failed(500));
        assert_quiet();
        assert_int_equal(ask(&comes, newer_than(token), 20), REPLY_PAUSED);
        assert_int_equal(comes.reply.hindrance, HINDRANCE_BACKOFF);
        assert_int_equal(comes.reply.next, now + SECOND / 2);
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        wait_for_deadline();
        end(started(token), granted("second", 3600));
        assert_replied(&waits, REPLY_TOKEN);
        assert_token_is(token, "second");
}

static void test_refused_worker_that_waits_in_vain_gets_503_at_its_deadline(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};

        now += MINUTE;
        assert_int_equal(ask(&request, newer_than(token), 10), REPLY_WAIT);
        end(started(token), retry_after(100));
        now += 10 * SECOND;
        expire();
        assert_replied(&request, REPLY_UNAVAILABLE);
        assert_int_equal(request.reply.next, now + 90 * SECOND);
}

static void test_refused_worker_is_told_when_the_endpoint_denies(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};

        now += MINUTE;
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_WAIT);
        end(started(token), denied());
        assert_replied(&request, REPLY_PAUSED);
        assert_int_equal(request.reply.hindrance, HINDRANCE_DENIED);
        assert_int_equal(request.reply.next, now + MINUTE);
        assert_int_equal(ask_now(any), REPLY_TOKEN);
}

static void test_refused_worker_is_told_when_the_same_token_comes_again(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};

        now += MINUTE;
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_WAIT);
        end(started(token), granted("first", 3600));
        assert_replied(&request, REPLY_PAUSED);
        assert_int_equal(request.reply.hindrance, HINDRANCE_FRESH);
        assert_int_equal(request.reply.next, now + MINUTE);
        assert_quiet();
}

static void test_denied_endpoint_answers_who_waits_and_who_comes_with_502(void **state) {
        struct broker_token *token = configure_one();
        struct request request = {0};

        assert_int_equal(ask(&request, any, 60), REPLY_WAIT);
        end(started(token), denied());
        assert_replied(&request, REPLY_DENIED);
        assert_int_equal(ask(&request, any, 60), REPLY_DENIED);
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), now + MINUTE);
        wait_for_deadline();
        assert_int_equal(ask(&request, any, 60), REPLY_WAIT);
        end(started(token), granted("first", 3600));
        assert_replied(&request, REPLY_TOKEN);
}

static void test_request_that_ends_while_a_denied_token_is_tried_again_gets_502(void **state) {
        struct broker_token *token = configure_one();
        struct request request = {0};

        end(started(token), denied());
        wait_for_deadline();
        started(token);
        assert_int_equal(ask_now(any), REPLY_DENIED);
        assert_int_equal(ask(&request, any, 5), REPLY_WAIT);
        now += 5 * SECOND;
        expire();
        assert_replied(&request, REPLY_DENIED);
        assert_ptr_equal(request.reply.token, token);
}

static void test_token_denied_after_its_floor_gives_502(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};

        now = token->lease.refresh_at;
        expire();
        end(started(token), denied());
        now = token->lease.floor_at - 1;
        expire();
        end(started(token), denied());
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_PAUSED);
        now++;
        expire();
        assert_int_equal(ask_now(any), REPLY_DENIED);
}

/* The timer may be late. */
static void test_token_past_its_floor_is_given_up_when_its_attempt_ends(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        uint64_t attempt;

        wait_for_deadline();
        attempt = started(token);
        now = token->lease.floor_at;
        end(attempt, failed(500));
        assert_given_up(token);
        assert_int_equal(token->lease.access_token.size, 0);
        assert_quiet();
}

static void test_token_given_up_at_its_floor_is_told_once(void **state) {
        struct broker_token *token = configure_and_fetch(3600);

        now = token->lease.refresh_at;
        expire();
        end(started(token), denied());
        now = token->lease.floor_at;
        expire();
        assert_int_equal(ask_now(any), REPLY_DENIED);
        expire();
        started(token);
        assert_given_up(token);
        assert_quiet();
}

/* ---- budgets ---- */

static void test_tokens_of_one_account_share_its_budget(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct request request = {0};

        specs[0].account = specs[1].account = "shared";
        configure(specs, 2);
        end(started(broker_find(&broker, "a")), granted("first", 3600));
        assert_quiet();
        assert_int_equal(broker_request(&broker, &request, "b", false, &any, 20, &worker, now),
                         REPLY_WAIT);
        assert_int_equal(broker_deadline(&broker), now + 15 * SECOND);
        wait_for_deadline();
        end(started(broker_find(&broker, "b")), granted("first", 3600));
        assert_replied(&request, REPLY_TOKEN);
}

static void test_smallest_requests_per_minute_of_an_account_holds(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        const struct account *account;

        specs[0].account = specs[1].account = "shared";
        specs[0].terms.requests_per_minute = 20;
        specs[1].terms.requests_per_minute = 2;
        configure(specs, 2);
        account = broker_find(&broker, "a")->account;
        assert_ptr_equal(broker_find(&broker, "b")->account, account);
        assert_int_equal(account->budget.per_minute, 2);
        configure(specs, 1);
        assert_int_equal(account->budget.per_minute, 20);
        specs[0].terms.requests_per_minute = TERMS_REQUESTS_PER_MINUTE_MAX;
        configure(specs, 1);
        assert_int_equal(account->budget.per_minute, TERMS_REQUESTS_PER_MINUTE_MAX);
}

static void test_budget_forbids_a_forced_renewal_until_60_s_after_the_first(void **state) {
        struct broker_spec one = spec("a");
        struct broker_token *token;
        struct request request = {0};

        one.terms.requests_per_minute = 1;
        configure(&one, 1);
        token = broker_find(&broker, "a");
        end(started(token), granted("first", 3600));
        now += 60 * SECOND - 1;
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_PAUSED);
        assert_int_equal(request.reply.hindrance, HINDRANCE_BUDGET);
        assert_int_equal(request.reply.next, now + 1);
        now++;
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_WAIT);
        end(started(token), granted("second", 3600));
        assert_replied(&request, REPLY_TOKEN);
}

static void test_refused_worker_may_come_back_in_a_second_when_others_are_in_flight(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct broker_token *token;
        struct request request = {0};

        specs[0].account = specs[1].account = "shared";
        specs[0].terms.requests_per_minute = specs[1].terms.requests_per_minute = 1;
        configure(specs, 2);
        token = broker_find(&broker, "a");
        end(started(token), granted("first", 3600));
        now += MINUTE;
        expire();
        started(broker_find(&broker, "b"));
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_PAUSED);
        assert_int_equal(request.reply.hindrance, HINDRANCE_BUDGET);
        assert_int_equal(request.reply.next, now + SECOND);
}

/* Tokens a to h of one account keep failing and want more than its budget; z comes after them. */
static void test_tokens_that_keep_failing_do_not_starve_another_of_their_account(void **state) {
        static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "z"};
        struct broker_spec specs[ELEMENTS(names)];
        struct broker_token *z;
        uint64_t until, seed = 1;

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                specs[i] = spec(names[i]);
                specs[i].account = "shared";
        }
        configure(specs, ELEMENTS(specs));
        z = broker_find(&broker, "z");
        for (until = now + 180 * MINUTE; now < until;) {
                struct effect effect = broker_next_effect(&broker);
                struct outcome outcome;

                if (effect.kind == EFFECT_NONE) {
                        wait_for_deadline();
                        if (now > START + 3 * MINUTE)
                                assert_true(lease_is_usable(&z->lease, now));
                        continue;
                }
                outcome = effect.token == z ? granted("first", 3600) : failed(500);
                broker_ended(&broker, effect.attempt, &outcome, chance(&seed), now);
                outcome_deinit(&outcome);
        }
        assert_in_range(z->lease.renewals, 3, 5);
}

static void test_token_that_is_gone_goes_ahead_of_one_to_be_refreshed(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct broker_token *a, *b;

        specs[0].account = specs[1].account = "shared";
        specs[0].terms.requests_per_minute = specs[1].terms.requests_per_minute = 1;
        configure(specs, 2);
        a = broker_find(&broker, "a");
        b = broker_find(&broker, "b");
        end(started(a), granted("first", 3600));
        wait_for_deadline();
        end(started(b), misconfigured());
        now += 10 * SECOND;
        broker_refresh(&broker, a, now);
        end(started(a), failed(500)); /* due again in 0.5 s, b in 20 s */
        now += MINUTE;
        expire();
        started(b);
        assert_quiet();
}

static void test_what_was_not_sent_is_not_counted(void **state) {
        struct outcome (*const kinds[])(void) = {not_sent, misconfigured};
        struct broker_token *token = configure_one();

        for (int i = 0; i < 20; i++) {
                end(started(token), kinds[i % 2]());
                assert_int_equal(token->account->budget.n_sent, 0);
                wait_for_deadline();
        }
}

static void test_sending_counts_from_when_it_was_but_never_from_the_future(void **state) {
        static const struct {
                uint64_t sent_at, counted; /* after the start */
        } cases[] = {{3, 3}, {10, 10}, {11, 10}, {0, 10}};

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct outcome outcome = failed(500);
                struct broker_token *token;
                uint64_t attempt;

                setup(NULL);
                token = configure_one();
                attempt = started(token);
                outcome.sent_at = now + cases[i].sent_at * SECOND;
                now += 10 * SECOND;
                end(attempt, outcome);
                assert_int_equal(token->account->budget.sent[0], START + cases[i].counted * SECOND);
                teardown(NULL);
        }
}

/* ---- those who leave ---- */

static void test_request_that_is_cancelled_gets_no_reply(void **state) {
        struct broker_token *token = configure_one();
        struct request stays = {0}, leaves = {0};
        uint64_t attempt = started(token);

        assert_int_equal(ask(&leaves, any, 10), REPLY_WAIT);
        assert_int_equal(ask(&stays, any, 20), REPLY_WAIT);
        broker_cancel(&broker, &leaves);
        assert_int_equal(token->n_waiting, 1);
        assert_int_equal(broker.waiters.n, 1);
        end(attempt, granted("first", 3600));
        assert_replied(&stays, REPLY_TOKEN);
        assert_quiet();
}

static void test_request_that_is_cancelled_with_its_reply_on_the_way_gets_none(void **state) {
        struct broker_token *token = configure_one();
        struct request requests[3] = {0};
        uint64_t attempt = started(token);

        for (size_t i = 0; i < 3; i++)
                assert_int_equal(ask(&requests[i], any, 20), REPLY_WAIT);
        end(attempt, granted("first", 3600));
        broker_cancel(&broker, &requests[1]);
        assert_replied(&requests[0], REPLY_TOKEN);
        assert_replied(&requests[2], REPLY_TOKEN);
        assert_quiet();
        assert_int_equal(token->n_waiting, 0);
}

static void test_cancelling_what_does_not_wait_does_nothing(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct request request = {0};

        broker_cancel(&broker, &request);
        assert_int_equal(ask(&request, any, 20), REPLY_TOKEN);
        broker_cancel(&broker, &request);
        now += MINUTE;
        assert_int_equal(ask(&request, newer_than(token), 20), REPLY_WAIT);
        broker_cancel(&broker, &request);
        broker_cancel(&broker, &request);
        assert_int_equal(token->n_waiting, 0);
        assert_int_equal(broker.waiters.n, 0);
        end(started(token), granted("second", 3600));
        assert_quiet();
}

static void test_request_may_be_used_again_after_its_reply(void **state) {
        struct broker_token *token = configure_one();
        struct request request = {0};

        assert_int_equal(ask(&request, any, 1), REPLY_WAIT);
        now += SECOND;
        expire();
        assert_replied(&request, REPLY_TIMEOUT);
        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        end(started(token), granted("first", 3600));
        assert_replied(&request, REPLY_TOKEN);
}

#ifndef NDEBUG
/* They point to tokens that may be given up then. */
static void test_time_goes_on_only_when_replies_were_taken(void **state) {
        struct request request = {0};
        struct broker_token *token = configure_one();
        pid_t pid;
        int status;

        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        end(started(token), granted("t", 3600));
        pid = fork();
        if (pid == 0) {
                signal(SIGABRT, SIG_DFL);
                setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
                close(STDERR_FILENO);
                broker_expired(&broker, LEAST, now);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_replied(&request, REPLY_TOKEN);
        expire();
}
#endif

/* ---- quotas ---- */

static struct quota quota;
static struct quota_user user;

/* One request of the user may wait. */
static void one_may_wait(void) {
        quota_init(&quota, &(struct quota_limits){.all = {[QUOTA_WAITING] = 1},
                                                  .user = {[QUOTA_WAITING] = 1}});
        quota_user_init(&user, &quota);
}

static void test_request_that_is_one_too_many_to_wait_is_told_so(void **state) {
        struct request first = {.user = &user}, second = {.user = &user}, nobodys = {0};

        one_may_wait();
        configure_one();
        assert_int_equal(ask(&first, any, 20), REPLY_WAIT);
        assert_int_equal(ask(&second, any, 20), REPLY_CROWDED);
        assert_int_equal(second.reply.next, now + SECOND);
        assert_int_equal(ask(&second, any, 0), REPLY_TIMEOUT); /* it would not wait */
        assert_int_equal(ask(&nobodys, any, 20), REPLY_WAIT);
        assert_int_equal(quota.taken[QUOTA_WAITING], 1);
        broker_cancel(&broker, &first);
        broker_cancel(&broker, &nobodys);
}

static void test_min_valid_that_is_one_too_many_gets_the_token_that_there_is(void **state) {
        struct request first = {.user = &user}, second = {.user = &user};
        const struct want long_lived = {.min_valid = 2 * 3600 * SECOND};
        struct broker_token *token;

        one_may_wait();
        token = configure_one();
        end(started(token), granted("t", 3600));
        now += MINUTE;
        assert_int_equal(ask(&first, long_lived, 20), REPLY_WAIT);
        assert_int_equal(ask(&second, long_lived, 20), REPLY_TOKEN);
        assert_int_equal(ask(&second, newer_than(token), 20), REPLY_CROWDED);
        broker_cancel(&broker, &first);
}

static void test_request_that_waits_no_longer_gives_its_place_back(void **state) {
        struct request request = {.user = &user};
        struct broker_token *token;

        one_may_wait();
        token = configure_one();
        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        broker_cancel(&broker, &request);
        assert_int_equal(quota.taken[QUOTA_WAITING], 0);

        assert_int_equal(ask(&request, any, 1), REPLY_WAIT);
        end(started(token), granted("t", 3600));
        assert_int_equal(quota.taken[QUOTA_WAITING], 0); /* decided, if not yet told */
        assert_replied(&request, REPLY_TOKEN);
        broker_cancel(&broker, &request);
        assert_int_equal(quota.taken[QUOTA_WAITING], 0);

        now += MINUTE;
        assert_int_equal(ask(&request, newer_than(token), 1), REPLY_WAIT);
        now += SECOND;
        expire();
        assert_int_equal(quota.taken[QUOTA_WAITING], 0);
}

/* ---- refresh by an operator ---- */

static void test_refresh_renews_while_workers_go_on(void **state) {
        struct broker_token *token = configure_and_fetch(3600);

        now += MINUTE;
        broker_refresh(&broker, token, now);
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        end(started(token), granted("second", 3600));
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), token->lease.refresh_at);
}

static void test_refresh_ends_a_denied_pause(void **state) {
        struct broker_token *token = configure_one();

        end(started(token), denied());
        now += 15 * SECOND; /* what a cold budget wants */
        broker_refresh(&broker, token, now);
        end(started(token), granted("first", 3600));
        assert_token_is(token, "first");
}

static void test_refresh_does_not_spend_more_than_the_budget(void **state) {
        struct broker_token *token = configure_one();
        unsigned attempts = 0;

        for (uint64_t until = START + 10 * MINUTE; now < until; now += SECOND / 4) {
                struct effect effect;

                broker_refresh(&broker, token, now);
                while ((effect = broker_next_effect(&broker)).kind == EFFECT_FETCH) {
                        end(effect.attempt, failed(500));
                        attempts++;
                }
        }
        assert_in_range(attempts, 39, 40);
}

/* ---- reload ---- */

static void test_without_a_configuration_every_request_is_told_so(void **state) {
        struct request request = {0};

        assert_int_equal(ask(&request, any, 20), REPLY_UNCONFIGURED);
        assert_int_equal(broker_deadline(&broker), NEVER);
        assert_quiet();
        configure_one();
        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        broker_cancel(&broker, &request);
}

static void test_reload_with_the_same_identity_goes_on_and_renews(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        uint64_t generation = token->lease.generation, attempt;

        now += MINUTE;
        assert_ptr_equal(configure_one(), token);
        assert_token_is(token, "first");
        assert_int_equal(token->lease.generation, generation);
        attempt = started(token);
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        end(attempt, granted("second", 3600));
        assert_quiet();
        assert_token_is(token, "second");
}

static void test_reload_renews_no_sooner_than_renewals_are_apart(void **state) {
        struct broker_token *token = configure_and_fetch(3600);

        now += SECOND;
        assert_int_equal(broker_deadline(&broker), token->lease.refresh_at);
        configure_one();
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), START + 30 * SECOND);
        wait_for_deadline();
        started(token);
}

static void test_reload_takes_new_terms_policy_and_user(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct broker_spec one = spec("a");

        one.terms.floor = 100 * SECOND;
        one.policy = (struct policy){.users = only_root, .n_users = 1};
        one.user = &one;
        configure(&one, 1);
        assert_int_equal(token->lease.terms.floor, 100 * SECOND);
        assert_ptr_equal(token->user, &one);
        assert_int_equal(ask_now(any), REPLY_FORBIDDEN);
}

static void test_reload_ends_a_denied_pause_and_a_misconfigured_one(void **state) {
        struct outcome (*const kinds[])(void) = {denied, misconfigured};

        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                struct broker_token *token;
                struct request request = {0};

                setup(NULL);
                token = configure_one();
                end(started(token), kinds[i]());
                now += 15 * SECOND;
                configure_one();
                assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
                end(started(token), granted("first", 3600));
                assert_replied(&request, REPLY_TOKEN);
                teardown(NULL);
        }
}

static void test_reload_does_not_end_what_the_endpoint_asked_for(void **state) {
        struct broker_token *token = configure_one();

        end(started(token), retry_after(100));
        now += 50 * SECOND;
        configure_one();
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), START + 100 * SECOND);
}

static void test_attempt_in_flight_over_a_reload_counts_and_is_followed_by_one_more(void **state) {
        struct broker_token *token = configure_one();
        struct request request = {0};
        uint64_t attempt = started(token);

        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        configure_one();
        assert_quiet();
        assert_ptr_equal(end(attempt, granted("first", 3600)), token);
        assert_replied(&request, REPLY_TOKEN);
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), now + 30 * SECOND);
        wait_for_deadline();
        started(token);
}

/* A spec of "a" that another token comes from. */
static struct broker_spec other_identity(void) {
        struct broker_spec other = spec("a");

        other.identity = "another scope";
        return other;
}

static void test_reload_with_another_identity_drops_the_token(void **state) {
        const struct broker_spec other = other_identity();
        struct broker_token *old = configure_and_fetch(3600), *token;
        uint64_t generation = old->lease.generation;
        struct request request = {0};

        old->lease.generation += 1000000; /* as after many renewals */
        now += MINUTE;
        configure(&other, 1);
        token = broker_find(&broker, "a");
        assert_ptr_not_equal(token, old);
        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        end(started(token), granted("second", 3600));
        assert_replied(&request, REPLY_TOKEN);
        assert_ptr_equal(request.reply.token, token);
        assert_token_is(token, "second");
        assert_int_equal(token->lease.generation, generation + 1000001);
        assert_quiet();
}

static void test_who_waits_for_a_dropped_token_waits_for_the_new_one(void **state) {
        const struct broker_spec other = other_identity();
        struct broker_token *old = configure_and_fetch(3600), *token;
        struct request requests[2] = {0};
        uint64_t attempt;

        now += MINUTE;
        assert_int_equal(ask(&requests[0], newer_than(old), 20), REPLY_WAIT);
        assert_int_equal(ask(&requests[1], (struct want){.min_valid = 3600 * SECOND}, 10),
                         REPLY_WAIT);
        attempt = started(old);
        configure(&other, 1);
        token = broker_find(&broker, "a");
        assert_int_equal(token->n_waiting, 2);
        assert_abandoned(attempt);
        started(token);
        assert_quiet();
        assert_null(end(attempt, granted("of the old one", 3600)));
        now += 10 * SECOND;
        expire();
        assert_replied(&requests[1], REPLY_TIMEOUT);
        assert_ptr_equal(requests[1].reply.token, token);
        end(token->attempt, granted("second", 3600));
        assert_replied(&requests[0], REPLY_TOKEN);
        assert_ptr_equal(requests[0].reply.token, token);
        assert_int_equal(token->n_waiting, 0);
}

static void test_reply_that_was_not_taken_before_a_reload_is_still_whole(void **state) {
        const struct broker_spec other = other_identity();
        struct broker_token *old = configure_one();
        struct request request = {0};
        struct effect effect;

        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        end(started(old), granted("first", 3600));
        configure(&other, 1);
        effect = broker_next_effect(&broker);
        assert_ptr_equal(effect.request, &request);
        assert_ptr_equal(request.reply.token, old);
        assert_string_equal(old->lease.access_token.data, "first");
}

static void test_another_identity_of_the_same_account_keeps_its_budget(void **state) {
        const struct broker_spec other = other_identity();
        struct broker_token *old = configure_one();
        struct account *account = old->account;
        uint64_t attempt = started(old);

        configure(&other, 1);
        assert_ptr_equal(broker_find(&broker, "a")->account, account);
        assert_abandoned(attempt);
        assert_quiet();
        assert_int_equal(account->n_tokens, 1);
        assert_int_equal(account->budget.n_sent, 1); /* it may have been sent */
        assert_int_equal(broker_deadline(&broker), now + 15 * SECOND);
}

static unsigned n_accounts(void) {
        unsigned n = 0;

        LIST_FOREACH(link, &broker.accounts)
                n++;
        return n;
}

static void test_what_was_sent_counts_though_its_token_was_gone(void **state) {
        const struct broker_spec one = spec("a"), other = spec("b");
        uint64_t attempt;

        end(started(configure_one()), failed(500));
        configure(&other, 1);
        attempt = started(broker_find(&broker, "b"));
        configure(&one, 1);
        assert_abandoned(attempt);
        assert_quiet();
        assert_int_equal(broker_deadline(&broker), START + 15 * SECOND);
}

static void test_account_without_tokens_is_forgotten_a_minute_after_it_was_used(void **state) {
        const struct broker_spec other = spec("b");

        end(started(configure_one()), failed(500));
        now += SECOND;
        configure(&other, 1);
        end(started(broker_find(&broker, "b")), failed(500));
        assert_int_equal(n_accounts(), 2);
        now += MINUTE - SECOND - 1;
        configure(&other, 1);
        assert_int_equal(n_accounts(), 2);
        now++;
        configure(&other, 1);
        assert_int_equal(n_accounts(), 1);
}

static void test_token_that_was_gone_for_less_than_a_millisecond_has_a_newer_generation(
        void **state) {
        struct broker_spec one = spec("a"), other = spec("b");
        uint64_t generation;

        one.terms.min_renewal_interval = 0;
        one.account = other.account;
        other.terms.requests_per_minute = one.terms.requests_per_minute = 60;
        configure(&other, 1);
        now += MINUTE;
        configure(&one, 1);
        end(started(broker_find(&broker, "a")), granted("first", 3600));
        generation = broker_find(&broker, "a")->lease.generation;
        configure(&other, 1);
        configure(&one, 1);
        end(started(broker_find(&broker, "a")), granted("second", 3600));
        assert_true(broker_find(&broker, "a")->lease.generation > generation);
}

static void test_another_account_is_another_token(void **state) {
        struct broker_token *old = configure_and_fetch(3600), *token;
        struct broker_spec other = spec("a");

        other.account = "another client";
        now += MINUTE;
        configure(&other, 1);
        token = broker_find(&broker, "a");
        assert_ptr_not_equal(token, old);
        assert_string_equal(token->account->key, "another client");
        started(token);
        assert_quiet();
        assert_int_equal(ask_now(any), REPLY_TIMEOUT);
}

static void test_removed_token_is_not_told_to_be_given_up(void **state) {
        const struct broker_spec other = other_identity();
        struct broker_token *old = configure_and_fetch(3600);
        uint64_t attempt;

        now = old->lease.floor_at - 1;
        expire();
        attempt = started(old);
        now++;
        expire();
        configure(&other, 1);
        assert_abandoned(attempt);
        started(broker_find(&broker, "a"));
        assert_quiet();
}

static void test_who_waits_for_a_token_that_is_removed_gets_403(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct request requests[2] = {0};
        uint64_t attempt;

        configure(specs, 2);
        attempt = started(broker_find(&broker, "a"));
        started(broker_find(&broker, "b"));
        assert_int_equal(ask(&requests[0], any, 20), REPLY_WAIT);
        assert_int_equal(ask(&requests[1], any, 5), REPLY_WAIT);
        configure(&specs[1], 1);
        assert_null(broker_find(&broker, "a"));
        for (size_t i = 0; i < 2; i++) {
                assert_replied(&requests[i], REPLY_FORBIDDEN);
                assert_null(requests[i].reply.token);
        }
        assert_abandoned(attempt);
        assert_quiet();
        assert_null(end(attempt, granted("first", 3600)));
        assert_int_equal(broker.n_in_flight, 1);
        assert_int_equal(broker.waiters.n, 0);
        assert_int_equal(ask_now(any), REPLY_UNKNOWN);
}

static void test_token_that_is_added_is_fetched(void **state) {
        struct broker_spec specs[] = {spec("b"), spec("a")};
        struct broker_token *token;

        configure(specs, 1);
        end(started(broker_find(&broker, "b")), granted("first", 3600));
        now += SECOND;
        configure(specs, 2);
        token = broker_find(&broker, "a");
        end(started(token), granted("first", 3600));
        assert_quiet();
        assert_token_is(token, "first");
}

static void test_reload_changes_the_default(void **state) {
        struct broker_spec specs[] = {spec("a"), spec("b")};
        static const struct {
                size_t n;
                bool a, b;
                const char *is_default;
        } steps[] = {{2, true, false, "a"},  {2, false, true, "b"},   {2, false, false, NULL},
                     {1, false, false, "a"}, {2, false, false, NULL}, {0, false, false, NULL}};

        for (size_t i = 0; i < ELEMENTS(steps); i++) {
                specs[0].is_default = steps[i].a;
                specs[1].is_default = steps[i].b;
                configure(specs, steps[i].n);
                while (broker_next_effect(&broker).kind != EFFECT_NONE)
                        ;
                if (steps[i].is_default)
                        assert_ptr_equal(broker.default_token,
                                         broker_find(&broker, steps[i].is_default));
                else
                        assert_null(broker.default_token);
        }
        assert_int_equal(broker_deadline(&broker), NEVER);
        now += 2 * MINUTE; /* nothing that was sent counts any more */
        configure(specs, 0);
        assert_true(list_is_empty(&broker.accounts));
}

static void test_policy_that_is_taken_away_ends_the_wait(void **state) {
        struct broker_spec one = spec("a");
        struct broker_token *token = configure_one();
        struct request request = {0};

        started(token);
        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        one.policy = (struct policy){.users = only_root, .n_users = 1};
        configure(&one, 1);
        assert_replied(&request, REPLY_FORBIDDEN);
        assert_quiet();
        assert_int_equal(ask_now(any), REPLY_FORBIDDEN);
        one.identity = "another";
        one.policy = (struct policy){0};
        configure(&one, 1);
        assert_int_equal(ask_now(any), REPLY_TIMEOUT);
}

/* Whichever allocation fails, in a reload that keeps one token, drops one, removes one, adds one.
 */
static void test_reload_without_memory_changes_nothing(void **state) {
        struct broker_spec before[] = {spec("kept"), spec("dropped"), spec("removed")};
        struct broker_spec after[] = {spec("added"), spec("shares"), spec("dropped"), spec("kept")};
        struct broker_token *old[3];
        struct request request = {0};
        uint64_t attempts[3];
        unsigned failures = 0;
        int r = -ENOMEM;

        after[1].account = "kept";
        after[2].identity = "another scope";
        after[3].terms.requests_per_minute = 1;
        configure(before, 3);
        for (size_t i = 0; i < 3; i++)
                old[i] = broker_find(&broker, before[i].name);
        attempts[1] = started(old[1]);
        attempts[0] = started(old[0]);
        attempts[2] = started(old[2]);
        end(attempts[0], granted("first", 3600));
        assert_int_equal(
                broker_request(&broker, &request, "dropped", false, &any, 60, &worker, now),
                REPLY_WAIT);
        now += MINUTE / 2;
        while (r < 0) {
                allocations_left = failures++;
                r = broker_configure(&broker, after, ELEMENTS(after), now);
                allocations_left = UINT_MAX;
                if (r == 0)
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_int_equal(broker.n_tokens, 3);
                for (size_t i = 0; i < 3; i++)
                        assert_ptr_equal(broker_find(&broker, before[i].name), old[i]);
                assert_int_equal(old[0]->account->n_tokens, 1);
                assert_int_equal(old[0]->account->budget.per_minute, 4);
                assert_token_is(old[0], "first");
                assert_int_equal(old[1]->n_waiting, 1);
                assert_int_equal(old[1]->attempt, attempts[1]);
                assert_int_equal(broker.n_in_flight, 2);
                assert_int_equal(n_accounts(), 3);
                assert_quiet();
        }
        assert_int_equal(failures, 10); /* an array, 3 tokens of 2 pieces, an account of 2 */
        assert_abandoned(attempts[1]);
        assert_abandoned(attempts[2]);
        started(broker_find(&broker, "added"));
        assert_quiet();
        assert_ptr_equal(request.reply.token, broker_find(&broker, "dropped"));
        assert_int_equal(old[0]->account->n_tokens, 2);
        assert_int_equal(old[0]->account->budget.per_minute, 1);
        broker_cancel(&broker, &request);
}

/* ---- event by event, against a scripted endpoint ---- */

static struct {
        uint64_t seed;
        uint64_t fails_from, fails_until; /* attempts that end in between */
        uint64_t failing_takes, granting_takes;
        uint64_t expires_in;
        bool same_token;
        unsigned n_granted, n_attempts, n_expired;
        struct {
                uint64_t attempt, started_at, ends_at;
        } flight; /* attempt 0: none */
        uint64_t starts[4096];
} world;

static bool fails_at(uint64_t time) {
        return time >= world.fails_from && time < world.fails_until;
}

static void world_take_effects(void) {
        for (struct effect effect; (effect = broker_next_effect(&broker)).kind != EFFECT_NONE;) {
                if (effect.kind == EFFECT_ABANDON)
                        world.flight.attempt = 0;
                if (effect.kind != EFFECT_FETCH)
                        continue;
                assert_int_equal(world.flight.attempt, 0);
                world.flight.attempt = effect.attempt;
                world.flight.started_at = now;
                world.flight.ends_at =
                        now + (fails_at(now) ? world.failing_takes : world.granting_takes);
                assert_true(world.n_attempts < ELEMENTS(world.starts));
                world.starts[world.n_attempts++] = now;
        }
}

static void world_answer(void) {
        struct outcome outcome;
        uint64_t attempt = world.flight.attempt;
        char access_token[32];

        snprintf(access_token, sizeof access_token, "token-%u",
                 world.same_token ? 0 : world.n_granted);
        if (fails_at(world.flight.started_at)) {
                outcome = failed(500);
        } else {
                outcome = granted(access_token, world.expires_in);
                world.n_granted++;
        }
        outcome.sent_at = world.flight.started_at;
        world.flight.attempt = 0;
        assert_non_null(broker_ended(&broker, attempt, &outcome, chance(&world.seed), now));
        outcome_deinit(&outcome);
}

/* Goes on to the next event, or to UNTIL. */
static void world_step(uint64_t until) {
        uint64_t due = broker_deadline(&broker);
        bool answers = world.flight.attempt && world.flight.ends_at <= due;

        now = time_max(now, time_min(until, answers ? world.flight.ends_at : due));
        if (answers && now == world.flight.ends_at) {
                world_answer();
        } else if (now >= due) {
                broker_expired(&broker, chance(&world.seed), now);
                world.n_expired++;
                assert_true(broker_deadline(&broker) > now);
        }
        world_take_effects();
}

static void assert_budget_was_kept(unsigned per_minute) {
        for (unsigned i = per_minute; i < world.n_attempts; i++)
                assert_true(world.starts[i] - world.starts[i - per_minute] >= MINUTE);
}

static struct broker_token *world_begin(uint64_t seed, uint64_t expires_in) {
        struct broker_token *token;

        setup(NULL);
        memset(&world, 0, sizeof world);
        world.seed = seed;
        world.expires_in = expires_in;
        world.granting_takes = 100 * NSEC_PER_MSEC;
        token = configure_one();
        world_take_effects();
        return token;
}

/* 240 s from the first attempt to renew on, whether the endpoint fails at once or by timeouts: no
 * plain request notices. */
static void test_outage_of_240_s_from_the_first_renewal_on_is_hidden(void **state) {
        static const uint64_t failing_takes[] = {0, 100 * NSEC_PER_MSEC, 15 * SECOND, MINUTE};

        for (uint64_t seed = 1; seed <= 400; seed++) {
                struct broker_token *token = world_begin(seed, 3600);

                world.failing_takes = failing_takes[seed % ELEMENTS(failing_takes)];
                while (world.n_granted < 1)
                        world_step(NEVER);
                world.fails_from = token->lease.refresh_at;
                world.fails_until = world.fails_from + 240 * SECOND;
                while (world.n_granted < 2) {
                        world_step(time_min(now + SECOND, token->lease.floor_at));
                        if (ask_now(any) != REPLY_TOKEN)
                                fail_msg("seed %u: noticed", (unsigned)seed);
                }
                assert_true(world.n_attempts > 3);
                assert_budget_was_kept(4);
                teardown(NULL);
        }
}

/* Whatever the lifetime, and with the endpoint up, down, up: workers get nothing below its floor,
 * the budget holds, and the loop does not spin. */
static void test_loop_does_not_spin_and_hands_out_nothing_below_its_floor(void **state) {
        static const uint64_t lives[] = {1, 2, 10, 59, 60, 300, 3600};

        for (uint64_t seed = 1; seed <= 8 * ELEMENTS(lives); seed++) {
                uint64_t life = lives[seed % ELEMENTS(lives)];
                struct broker_token *token = world_begin(seed, life);

                world.same_token = seed % 2;
                world.fails_from = START + 10 * MINUTE;
                world.fails_until = world.fails_from + 10 * MINUTE;
                world.failing_takes = seed % 3 * 12 * SECOND;
                while (now < START + 60 * MINUTE) {
                        struct request request = {0};

                        world_step(now + SECOND);
                        if (ask(&request, any, 0) != REPLY_TOKEN)
                                continue;
                        assert_true(token->lease.expires_at - now >=
                                    time_min(60 * SECOND, life * SECOND / 10));
                        assert_true(token->lease.access_token.size > 0);
                }
                assert_budget_was_kept(4);
                /* An attempt is due once, its time is over once, and a token meets its floor. */
                assert_true(world.n_expired <= 3 * world.n_attempts);
                teardown(NULL);
        }
}

static void test_same_dying_token_again_and_again_keeps_the_budget(void **state) {
        struct broker_token *token = world_begin(1, 3600);

        world.same_token = true;
        while (now < START + 3600 * SECOND) {
                uint64_t left = START + 3600 * SECOND - now;

                world.expires_in = left / SECOND + 1;
                world_step(NEVER);
                assert_true(token->lease.expires_at <= START + 3603 * SECOND);
        }
        assert_budget_was_kept(4);
        assert_true(world.n_attempts < 40);
}

static void test_workers_are_served_by_lives_of_seconds(void **state) {
        struct broker_spec one = spec("a");
        struct broker_token *token;
        unsigned served = 0;

        world_begin(1, 10);
        one.terms.requests_per_minute = 60;
        configure(&one, 1);
        token = broker_find(&broker, "a");
        while (!token->lease.renewals)
                world_step(NEVER);
        for (; now < START + 10 * MINUTE; served++) {
                world_step(now + 10 * NSEC_PER_MSEC);
                assert_int_equal(ask_now(any), REPLY_TOKEN);
        }
        assert_true(served > 1000);
        assert_in_range(world.n_granted, 75, 95); /* every 7 to 7.5 s */
}

/* ---- what is counted ---- */

static uint64_t replied(const struct tally *tally) {
        uint64_t n = 0;

        for (int kind = 0; kind < N_REPLY_KINDS; kind++)
                n += tally->replies[kind];
        return n;
}

static void test_replies_are_counted_for_their_token_with_how_long_they_were_waited_for(
        void **state) {
        struct broker_token *token = configure_one();
        uint64_t attempt = started(token);
        struct request requests[3] = {0};

        for (size_t i = 0; i < ELEMENTS(requests); i++) {
                assert_int_equal(ask(&requests[i], any, 20), REPLY_WAIT);
                now += SECOND;
        }
        assert_int_equal(replied(&token->tally), 0);
        end(attempt, granted("first", 3600));
        for (size_t i = 0; i < ELEMENTS(requests); i++)
                assert_replied(&requests[i], REPLY_TOKEN);
        assert_int_equal(ask_now(any), REPLY_TOKEN);
        assert_int_equal(token->tally.replies[REPLY_TOKEN], 4);
        assert_int_equal(replied(&token->tally), 4);
        assert_int_equal(token->tally.waits.sum, (1 + 2 + 3 + 0) * SECOND);
        assert_int_equal(histogram_count(&token->tally.waits, HISTOGRAM_BOUNDS), 4);
        assert_int_equal(histogram_count(&token->tally.waits, 0), 1); /* at once */
        assert_int_equal(replied(&broker.tally), 0);
}

static void test_refusals_are_counted_by_kind_and_those_about_no_token_apart(void **state) {
        static const uid_t nobody[] = {4711};
        struct broker_spec specs[] = {spec("a"), spec("b")};
        struct request request = {0};

        assert_int_equal(ask_now(any), REPLY_UNCONFIGURED);
        specs[0].policy = (struct policy){.users = nobody, .n_users = 1};
        configure(specs, 2);
        assert_int_equal(ask_now(any), REPLY_FORBIDDEN);
        assert_int_equal(broker_request(&broker, &request, "", false, &any, 0, &worker, now),
                         REPLY_AMBIGUOUS);
        assert_int_equal(broker_request(&broker, &request, "c", false, &any, 0, &worker, now),
                         REPLY_FORBIDDEN);
        assert_int_equal(broker_request(&broker, &request, "b", false, &any, 0, &worker, now),
                         REPLY_TIMEOUT);
        assert_int_equal(broker_find(&broker, "a")->tally.replies[REPLY_FORBIDDEN], 1);
        assert_int_equal(broker_find(&broker, "b")->tally.replies[REPLY_TIMEOUT], 1);
        assert_int_equal(broker.tally.replies[REPLY_UNCONFIGURED], 1);
        assert_int_equal(broker.tally.replies[REPLY_AMBIGUOUS], 1);
        assert_int_equal(broker.tally.replies[REPLY_FORBIDDEN], 1);
        assert_int_equal(replied(&broker.tally), 3);
}

static void test_request_that_is_cancelled_is_not_counted(void **state) {
        struct broker_token *token = configure_one();
        uint64_t attempt = started(token);
        struct request request = {0}, answered = {0};

        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        assert_int_equal(ask(&answered, any, 20), REPLY_WAIT);
        broker_cancel(&broker, &request);
        end(attempt, granted("first", 3600));
        broker_cancel(&broker, &answered); /* its reply is on the way */
        assert_quiet();
        assert_int_equal(replied(&token->tally), 0);
}

static void test_attempts_are_counted_by_how_they_end_with_how_long_they_took(void **state) {
        struct broker_token *token = configure_one();
        const struct tally *tally = &token->tally;
        uint64_t attempt = started(token);

        now += 3 * SECOND;
        end(attempt, failed(500));
        wait_for_deadline();
        end(started(token), denied());
        wait_for_deadline();
        end(started(token), misconfigured());
        wait_for_deadline();
        attempt = started(token);
        wait_for_deadline(); /* it is given up */
        assert_abandoned(attempt);
        assert_int_equal(tally->attempts[OUTCOME_FAILED], 2);
        assert_int_equal(tally->attempts[OUTCOME_DENIED], 1);
        assert_int_equal(tally->attempts[OUTCOME_MISCONFIGURED], 1);
        assert_int_equal(tally->attempts[OUTCOME_GRANTED], 0);
        assert_int_equal(histogram_count(&tally->durations, HISTOGRAM_BOUNDS), 4);
        assert_int_equal(tally->durations.sum, 3 * SECOND + token->lease.terms.attempt_timeout);
}

static void test_token_whose_life_is_over_when_it_comes_counts_as_failed(void **state) {
        struct broker_token *token = configure_one();
        uint64_t attempt = started(token);

        now += 10 * SECOND;
        end(attempt, granted("late", 5));
        assert_int_equal(token->tally.attempts[OUTCOME_GRANTED], 0);
        assert_int_equal(token->tally.attempts[OUTCOME_FAILED], 1);
}

static void test_what_is_counted_goes_on_over_a_reload_as_long_as_the_name_is_there(void **state) {
        struct broker_token *token = configure_and_fetch(3600);
        struct broker_spec one = spec("a");

        assert_int_equal(ask_now(any), REPLY_TOKEN);
        configure(&one, 1);
        assert_int_equal(broker_find(&broker, "a")->tally.replies[REPLY_TOKEN], 1);
        one.identity = "another";
        configure(&one, 1);
        token = broker_find(&broker, "a");
        assert_int_equal(token->tally.replies[REPLY_TOKEN], 1);
        assert_int_equal(token->tally.attempts[OUTCOME_GRANTED], 1);
        one.name = "b";
        configure(&one, 1);
        one.name = "a";
        configure(&one, 1);
        assert_int_equal(replied(&broker_find(&broker, "a")->tally), 0);
}

static void test_reply_for_a_token_that_is_gone_counts_for_none(void **state) {
        struct broker_spec one = spec("b");
        struct request request = {0};

        started(configure_one());
        assert_int_equal(ask(&request, any, 20), REPLY_WAIT);
        now += SECOND;
        configure(&one, 1);
        assert_replied(&request, REPLY_FORBIDDEN);
        assert_int_equal(broker.tally.replies[REPLY_FORBIDDEN], 1);
        assert_int_equal(broker.tally.waits.sum, SECOND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_token_is_fetched_when_it_is_configured),
                TEST(test_answers_are_written_anew_after_a_reload),
                TEST(test_broker_is_quiet_unless_there_is_an_effect_or_a_change),
                TEST(test_200_requests_cause_one_attempt_and_all_get_the_token),
                TEST(test_200_refusals_cause_one_attempt_and_all_get_the_newer_token),
                TEST(test_answer_to_a_number_that_is_not_current_is_dropped),
                TEST(test_attempt_without_an_answer_is_given_up_and_its_late_answer_dropped),
                TEST(test_attempt_that_was_never_handed_out_is_not_abandoned_and_not_counted),
                TEST(test_abandon_comes_before_the_attempt_that_takes_its_place),
                TEST(test_replies_come_before_everything_else),
                TEST(test_no_more_attempts_are_in_flight_than_the_limit),
                TEST(test_name_default_and_policy_decide_which_token_is_meant),
                TEST(test_only_token_is_the_default),
                TEST(test_forbidden_request_starts_no_renewal),
                TEST(test_request_waits_until_its_deadline_and_not_longer),
                TEST(test_request_that_ends_with_no_attempt_ended_gets_504),
                TEST(test_request_that_ends_after_a_failure_gets_503_and_when_to_come_back),
                TEST(test_misconfigured_token_gives_503),
                TEST(test_request_that_ends_in_flight_may_come_back_in_a_second),
                TEST(test_wait_of_0_starts_a_renewal_and_gets_what_there_is),
                TEST(test_min_valid_at_its_deadline_gets_the_token_that_there_is),
                TEST(test_min_valid_at_its_deadline_gets_no_token_at_its_floor),
                TEST(test_min_valid_gets_the_token_that_there_is_when_renewal_fails),
                TEST(test_request_that_waits_at_the_floor_goes_on_waiting),
                TEST(test_refused_worker_waits_through_passing_failures_for_the_newer_token),
                TEST(test_refused_worker_that_waits_in_vain_gets_503_at_its_deadline),
                TEST(test_refused_worker_is_told_when_the_endpoint_denies),
                TEST(test_refused_worker_is_told_when_the_same_token_comes_again),
                TEST(test_denied_endpoint_answers_who_waits_and_who_comes_with_502),
                TEST(test_request_that_ends_while_a_denied_token_is_tried_again_gets_502),
                TEST(test_token_denied_after_its_floor_gives_502),
                TEST(test_token_past_its_floor_is_given_up_when_its_attempt_ends),
                TEST(test_token_given_up_at_its_floor_is_told_once),
                TEST(test_tokens_of_one_account_share_its_budget),
                TEST(test_smallest_requests_per_minute_of_an_account_holds),
                TEST(test_budget_forbids_a_forced_renewal_until_60_s_after_the_first),
                TEST(test_refused_worker_may_come_back_in_a_second_when_others_are_in_flight),
                TEST(test_tokens_that_keep_failing_do_not_starve_another_of_their_account),
                TEST(test_token_that_is_gone_goes_ahead_of_one_to_be_refreshed),
                TEST(test_what_was_not_sent_is_not_counted),
                TEST(test_sending_counts_from_when_it_was_but_never_from_the_future),
                TEST(test_request_that_is_cancelled_gets_no_reply),
                TEST(test_request_that_is_cancelled_with_its_reply_on_the_way_gets_none),
                TEST(test_cancelling_what_does_not_wait_does_nothing),
                TEST(test_request_may_be_used_again_after_its_reply),
#ifndef NDEBUG
                TEST(test_time_goes_on_only_when_replies_were_taken),
#endif
                TEST(test_request_that_is_one_too_many_to_wait_is_told_so),
                TEST(test_min_valid_that_is_one_too_many_gets_the_token_that_there_is),
                TEST(test_request_that_waits_no_longer_gives_its_place_back),
                TEST(test_refresh_renews_while_workers_go_on),
                TEST(test_refresh_ends_a_denied_pause),
                TEST(test_refresh_does_not_spend_more_than_the_budget),
                TEST(test_without_a_configuration_every_request_is_told_so),
                TEST(test_reload_with_the_same_identity_goes_on_and_renews),
                TEST(test_reload_renews_no_sooner_than_renewals_are_apart),
                TEST(test_reload_takes_new_terms_policy_and_user),
                TEST(test_reload_ends_a_denied_pause_and_a_misconfigured_one),
                TEST(test_reload_does_not_end_what_the_endpoint_asked_for),
                TEST(test_attempt_in_flight_over_a_reload_counts_and_is_followed_by_one_more),
                TEST(test_reload_with_another_identity_drops_the_token),
                TEST(test_who_waits_for_a_dropped_token_waits_for_the_new_one),
                TEST(test_reply_that_was_not_taken_before_a_reload_is_still_whole),
                TEST(test_another_identity_of_the_same_account_keeps_its_budget),
                TEST(test_what_was_sent_counts_though_its_token_was_gone),
                TEST(test_account_without_tokens_is_forgotten_a_minute_after_it_was_used),
                TEST(test_token_that_was_gone_for_less_than_a_millisecond_has_a_newer_generation),
                TEST(test_another_account_is_another_token),
                TEST(test_removed_token_is_not_told_to_be_given_up),
                TEST(test_who_waits_for_a_token_that_is_removed_gets_403),
                TEST(test_token_that_is_added_is_fetched),
                TEST(test_reload_changes_the_default),
                TEST(test_policy_that_is_taken_away_ends_the_wait),
                TEST(test_reload_without_memory_changes_nothing),
                TEST(test_outage_of_240_s_from_the_first_renewal_on_is_hidden),
                TEST(test_loop_does_not_spin_and_hands_out_nothing_below_its_floor),
                TEST(test_same_dying_token_again_and_again_keeps_the_budget),
                TEST(test_workers_are_served_by_lives_of_seconds),
                TEST(test_replies_are_counted_for_their_token_with_how_long_they_were_waited_for),
                TEST(test_refusals_are_counted_by_kind_and_those_about_no_token_apart),
                TEST(test_request_that_is_cancelled_is_not_counted),
                TEST(test_attempts_are_counted_by_how_they_end_with_how_long_they_took),
                TEST(test_token_whose_life_is_over_when_it_comes_counts_as_failed),
                TEST(test_what_is_counted_goes_on_over_a_reload_as_long_as_the_name_is_there),
                TEST(test_reply_for_a_token_that_is_gone_counts_for_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
