/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "story.h"

#include "wire/store.h"

#define START (1000 * SECOND)

static const struct peer worker = {.uid = 1000, .gid = 1000};

/* One life, and the next. */
static struct broker before, after;
static struct buffer text;
static uint64_t now;

static int setup(void **state) {
        now = START;
        broker_init(&before);
        broker_init(&after);
        text = BUFFER_INIT(STORE_TEXT_MAX);
        return 0;
}

static int teardown(void **state) {
        broker_deinit(&before);
        broker_deinit(&after);
        buffer_deinit(&text);
        return 0;
}

static struct broker_spec spec(const char *name) {
        return (struct broker_spec){.name = name,
                                    .identity = "https://a/\nid\nscope \"x\"",
                                    .account = "https://a/\nid\n",
                                    .terms = TERMS_DEFAULT};
}

static void configure(struct broker *broker, const char *name) {
        const struct broker_spec one = spec(name);

        assert_int_equal(broker_configure(broker, &one, 1, now), 0);
}

static void end(struct broker *broker, struct outcome outcome) {
        struct effect effect = broker_next_effect(broker);

        assert_int_equal(effect.kind, EFFECT_FETCH);
        assert_non_null(broker_ended(broker, effect.attempt, &outcome, LEAST, now));
        outcome_deinit(&outcome);
}

/* The next life begins, with the same configuration. */
static struct broker_token *live_again(void) {
        store_render(&text, &before);
        assert_int_equal(buffer_error(&text), 0);
        assert_int_equal(store_parse(buffer_slice(&text), &after, now), 0);
        configure(&after, "athena");
        return after.tokens[0];
}

static void test_token_and_its_times_come_back(void **state) {
        const struct lease *old;
        const struct lease *lease;
        struct request request = {0};
        const struct want any = {0};

        configure(&before, "athena");
        end(&before, granted("eyJ0.-_~+/=", 3600));
        old = &before.tokens[0]->lease;
        now += MINUTE;
        lease = &live_again()->lease;
        assert_int_equal(broker_next_effect(&after).kind, EFFECT_NONE);
        assert_int_equal(broker_request(&after, &request, "athena", false, &any, 0, &worker, now),
                         REPLY_TOKEN);
        assert_true(secret_equal(&lease->access_token, &old->access_token));
        assert_string_equal(lease->scope, old->scope);
        assert_int_equal(lease->generation, old->generation);
        assert_int_equal(lease->expires_at, old->expires_at);
        assert_int_equal(lease->floor_at, old->floor_at);
        assert_int_equal(lease->refresh_at, old->refresh_at);
        assert_int_equal(lease->granted_at, old->granted_at);
        assert_int_equal(lease->renewals, 1);
        assert_int_equal(broker_deadline(&after), old->refresh_at);
}

static void test_budget_comes_back(void **state) {
        const struct budget *old, *budget;

        configure(&before, "athena");
        end(&before, granted("first", 3600));
        now += 15 * SECOND;
        broker_refresh(&before, before.tokens[0], now);
        now += 15 * SECOND;
        broker_expired(&before, LEAST, now);
        old = &before.tokens[0]->account->budget;
        assert_int_equal(old->in_flight, 1);
        budget = &live_again()->account->budget;
        assert_int_equal(budget->n_sent, 2);
        assert_int_equal(budget->sent[0], START);
        assert_int_equal(budget->sent[1], now); /* at the latest */
        assert_int_equal(budget->cold_until, START + MINUTE);
        assert_int_equal(budget->per_minute, 4);
}

static void test_nothing_is_much_like_something(void **state) {
        assert_int_equal(store_parse(SLICE(""), &after, now), 0);
        assert_int_equal(after.n_tokens, 0);
}

/* Limits of the configuration and of answers, and what they take as JSON. */
static void test_longest_of_everything_fits(void **state) {
        struct outcome outcome = granted("x", 3600);
        char *token = malloc(SECRET_SIZE_MAX), identity[2048 + 256 + 1023 + 3], account[2048 + 258];
        struct broker_spec longest = spec("a2345678901234567890123456789012");
        struct budget *budget;

        memset(token, 't', SECRET_SIZE_MAX);
        memset(identity, '"', sizeof identity);
        memset(account, '\\', sizeof account);
        identity[sizeof identity - 1] = account[sizeof account - 1] = 0;
        longest.identity = identity;
        longest.account = account;
        assert_int_equal(broker_configure(&before, &longest, 1, now), 0);
        assert_int_equal(secret_set(&outcome.access_token, token, SECRET_SIZE_MAX), 0);
        memset(outcome.scope, '/', OUTCOME_SCOPE_MAX);
        end(&before, outcome);
        budget = &before.tokens[0]->account->budget;
        budget->n_sent = TERMS_REQUESTS_PER_MINUTE_MAX;
        for (unsigned i = 0; i < budget->n_sent; i++)
                budget->sent[i] = UINT64_MAX;
        text.limit = STORE_TOKEN_MAX + STORE_ACCOUNT_MAX;
        store_render(&text, &before);
        assert_int_equal(buffer_error(&text), 0);
        assert_int_equal(store_parse(buffer_slice(&text), &after, UINT64_MAX), 0);
        assert_int_equal(after.tokens[0]->account->budget.n_sent, budget->n_sent);
        free(token);
}

#define TOKEN                                                                                      \
        "{\"token\":\"a\",\"identity\":\"i\",\"account\":\"c\",\"generation\":7,\"life\":0,"       \
        "\"granted_at\":0,\"expires_at\":0,\"floor_at\":0,\"refresh_at\":0,"                       \
        "\"retry_after_until\":0,\"forced_until\":0,\"forced_pause\":0,\"renewals\":0,"            \
        "\"scope\":\"\",\"access_token\":\"\"}\n"
#define ACCOUNT "{\"account\":\"c\",\"cold_until\":0,\"in_flight\":0,\"sent\":\"\"}\n"

/* LINES with the first FROM replaced. */
static void replace(const char *lines, const char *from, const char *to, struct buffer *out) {
        const char *at = strstr(lines, from);

        assert_non_null(at);
        buffer_append(out, lines, (size_t)(at - lines));
        buffer_append_text(out, to);
        buffer_append_text(out, at + strlen(from));
}

static void test_what_makes_no_sense_is_refused(void **state) {
        static const struct {
                const char *from, *to;
                int r;
        } cases[] = {
                {"\"renewals\":0", "\"renewals\":1", 0},
                {"\"sent\":\"\"", "\"sent\":\"1 2 2\"", 0},
                {"\"in_flight\":0", "\"in_flight\":16", 0},
                {"\"token\":\"a\"", "\"token\":\"A\"", -EBADMSG},
                {"\"token\":\"a\",", "", -EBADMSG},
                {"\"token\":\"a\"", "\"token\":\"\"", -EBADMSG},
                {"\"token\":\"a\"", "\"token\":\"a23456789012345678901234567890123\"", -EBADMSG},
                {"\"token\":\"a\"", "\"token\":\"\\ud800\"", -EBADMSG},
                {"\"identity\":\"i\",", "", -EBADMSG},
                {"\"account\":\"c\",\"gen", "\"gen", -EBADMSG},
                {"\"generation\":7", "\"generation\":\"7\"", -EBADMSG},
                {"\"generation\":7", "\"generation\":-7", -EBADMSG},
                {"\"scope\":\"\",", "", -EBADMSG},
                {",\"access_token\":\"\"", "", -EBADMSG},
                {"\"access_token\":\"\"", "\"access_token\":\"a b\"", -EBADMSG},
                {"\"access_token\":\"\"", "\"access_token\":\"a\\u0062\"", -EBADMSG},
                {"\"granted_at\":0", "\"granted_at\":1000000000001", -EBADMSG},
                {"\"floor_at\":0", "\"floor_at\":1", -EBADMSG},
                {"\"refresh_at\":0", "\"refresh_at\":1", -EBADMSG},
                {"\"expires_at\":0", "\"expires_at\":1", -EBADMSG},
                {"\"life\":0", "\"life\":315360000000000001", -EBADMSG},
                {"\"retry_after_until\":0", "\"retry_after_until\":4600000000000", 0},
                {"\"retry_after_until\":0", "\"retry_after_until\":4600000000001", -EBADMSG},
                {"\"forced_until\":0", "\"forced_until\":1000000000001", -EBADMSG},
                {"\"cold_until\":0", "\"cold_until\":1060000000000", 0},
                {"\"cold_until\":0", "\"cold_until\":1060000000001", -EBADMSG},
                {"\"in_flight\":0", "\"in_flight\":17", -EBADMSG},
                {"\"sent\":\"\"", "\"sent\":\"2 1\"", -EBADMSG},
                {"\"sent\":\"\"", "\"sent\":\"1000000000001\"", -EBADMSG},
                {"\"sent\":\"\"", "\"sent\":\"1  2\"", -EBADMSG},
                {"\"sent\":\"\"", "\"sent\":1", -EBADMSG},
                {"{\"account\":\"c\"", "{\"account\":\"d\"", 0}, /* whose tokens are gone */
                {"{\"account\":\"c\"", "x{\"account\":\"c\"", -EBADMSG},
                {ACCOUNT, TOKEN, -EBADMSG}, /* the same token twice */
                {ACCOUNT, "\n", -EBADMSG},
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                setup(NULL);
                replace(TOKEN ACCOUNT, cases[i].from, cases[i].to, &text);
                if (store_parse(buffer_slice(&text), &after, now) != cases[i].r)
                        fail_msg("%s for %s", cases[i].to, cases[i].from);
                teardown(NULL);
        }
}

static void sent_times(unsigned n, struct buffer *out) {
        _cleanup_(buffer_deinit) struct buffer times = BUFFER_INIT(16384);

        buffer_append_text(&times, "\"sent\":\"");
        while (n-- > 0)
                buffer_append_text(&times, "5 ");
        buffer_append(&times, "\"", 2);
        replace(TOKEN ACCOUNT, "\"sent\":\"\"", times.data, out);
}

static void test_budget_has_its_limit(void **state) {
        sent_times(TERMS_REQUESTS_PER_MINUTE_MAX, &text);
        assert_int_equal(store_parse(buffer_slice(&text), &after, now), 0);
        teardown(NULL);
        setup(NULL);
        sent_times(TERMS_REQUESTS_PER_MINUTE_MAX + 1, &text);
        assert_int_equal(store_parse(buffer_slice(&text), &after, now), -EBADMSG);
}

static int parse_tokens(size_t n) {
        int r;

        setup(NULL);
        for (size_t i = 0; i < n; i++) {
                char name[32];

                snprintf(name, sizeof name, "\"token\":\"t%zu\"", i);
                replace(TOKEN, "\"token\":\"a\"", name, &text);
        }
        r = store_parse(buffer_slice(&text), &after, now);
        teardown(NULL);
        return r;
}

static void test_accounts_without_tokens_have_room_up_to_the_limit(void **state) {
        struct account *account;
        char key[16];
        size_t n = 0;

        for (unsigned i = 0; i < CONFIG_TOKENS_MAX + 1; i++) {
                snprintf(key, sizeof key, "%u", i);
                assert_int_equal(account_need(&before.accounts, key, 4, now, &account), 0);
        }
        text.limit = STORE_TEXT_MAX;
        store_render(&text, &before);
        assert_int_equal(buffer_error(&text), 0);
        assert_int_equal(store_parse(buffer_slice(&text), &after, now), 0);
        LIST_FOREACH(link, &after.accounts)
                n++;
        assert_int_equal(n, CONFIG_TOKENS_MAX);
}

static void test_tokens_have_their_limit(void **state) {
        assert_int_equal(parse_tokens(CONFIG_TOKENS_MAX), 0);
        assert_int_equal(parse_tokens(CONFIG_TOKENS_MAX + 1), -EBADMSG);
}

/* Whatever is wrong, it is an error or it is harmless. */
static void test_any_byte_may_be_wrong(void **state) {
        char *lines = strdup(TOKEN ACCOUNT);

        for (size_t i = 0; lines[i]; i++) {
                static const char bytes[] = {0, '"', '\\', '{', '9', '\n', (char)0xff};

                for (size_t k = 0; k < sizeof bytes; k++) {
                        char was = lines[i];
                        int r;

                        lines[i] = bytes[k];
                        setup(NULL);
                        r = store_parse((struct slice){lines, sizeof(TOKEN ACCOUNT) - 1}, &after,
                                        now);
                        assert_true(r == 0 || r == -EBADMSG);
                        if (r == 0)
                                configure(&after, "athena");
                        teardown(NULL);
                        lines[i] = was;
                }
        }
        free(lines);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_token_and_its_times_come_back),
                TEST(test_budget_comes_back),
                TEST(test_nothing_is_much_like_something),
                TEST(test_longest_of_everything_fits),
                TEST(test_what_makes_no_sense_is_refused),
                TEST(test_budget_has_its_limit),
                TEST(test_accounts_without_tokens_have_room_up_to_the_limit),
                TEST(test_tokens_have_their_limit),
                TEST(test_any_byte_may_be_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
