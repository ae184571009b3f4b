/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/account.h"

#define START (1000 * SECOND)

static struct list accounts;

static int setup(void **state) {
        list_init(&accounts);
        return 0;
}

static int teardown(void **state) {
        LIST_FOREACH(link, &accounts)
                CONTAINER_OF(link, struct account, link)->n_tokens = 0;
        accounts_free(&accounts);
        return 0;
}

static struct account *join(const char *key) {
        struct account *account = NULL;

        assert_int_equal(account_join(&accounts, key, 4, START, &account), 0);
        return account;
}

/* Whether it is there, without making it. */
static bool is_known(const struct account *account) {
        LIST_FOREACH(link, &accounts)
                if (link == &account->link)
                        return true;
        return false;
}

static void test_tokens_of_one_key_share_an_account(void **state) {
        struct account *one = join("one"), *other = join("other");

        assert_ptr_not_equal(one, other);
        assert_ptr_equal(join("one"), one);
        assert_int_equal(one->n_tokens, 2);
        assert_int_equal(other->n_tokens, 1);
        assert_string_equal(other->key, "other");
}

static void test_account_with_a_token_stays(void **state) {
        struct account *one = join("one");

        accounts_sweep(&accounts, START + 60 * MINUTE);
        assert_true(is_known(one));
        account_leave(NULL);
        assert_int_equal(one->n_tokens, 1);
}

static void test_account_without_tokens_stays_while_what_it_sent_counts(void **state) {
        struct account *one = join("one"), *other = join("other");

        budget_take(&one->budget, START);
        budget_settle(&one->budget, true, START);
        account_leave(one);
        account_leave(other);
        accounts_sweep(&accounts, START + BUDGET_WINDOW - 1);
        assert_true(is_known(one));
        assert_int_equal(one->budget.n_sent, 1);
        assert_false(is_known(other));
        accounts_sweep(&accounts, START + BUDGET_WINDOW);
        assert_true(list_is_empty(&accounts));
}

/* However long ago it began: when it was sent is not known. */
static void test_account_without_tokens_stays_while_a_request_is_in_flight(void **state) {
        struct account *one = join("one");

        budget_take(&one->budget, START);
        account_leave(one);
        accounts_sweep(&accounts, START + 60 * MINUTE);
        assert_true(is_known(one));
        budget_settle(&one->budget, false, START);
        accounts_sweep(&accounts, START + 60 * MINUTE);
        assert_true(list_is_empty(&accounts));
}

static void test_zeroed_list_has_no_accounts(void **state) {
        struct list zeroed = {0};

        accounts_sweep(&zeroed, START);
        accounts_free(&zeroed);
        assert_true(list_is_empty(&zeroed));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_tokens_of_one_key_share_an_account),
                TEST(test_account_with_a_token_stays),
                TEST(test_account_without_tokens_stays_while_what_it_sent_counts),
                TEST(test_account_without_tokens_stays_while_a_request_is_in_flight),
                TEST(test_zeroed_list_has_no_accounts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
