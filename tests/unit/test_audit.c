/* SPDX-License-Identifier: MIT */
#include "story.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/audit.h"

#define START (1000 * SECOND)

static struct audit audit;
static struct audit_left_out left_out;

static char worker_unit[] = "worker.service", report_unit[] = "report.service";
static struct peer worker = {.uid = 1001, .pid = 1, .unit = worker_unit};
static struct peer report = {.uid = 1001, .pid = 2, .unit = report_unit};
static struct peer stranger = {.uid = 1002, .pid = 3};
static struct peer starting = {.unit = worker_unit, .is_unit = true};

static int setup(void **state) {
        audit_init(&audit, AUDIT_FIRST);
        return 0;
}

static int setup_all(void **state) {
        audit_init(&audit, AUDIT_ALL);
        return 0;
}

/* Without a number of its process: what can be told of all peers. */
static enum audit_verdict given_of(const struct peer *peer, const char *token, uint64_t generation,
                                   uint64_t now) {
        return audit_given(&audit, audit_meet(&audit, peer, 0), token, generation, now);
}

static enum audit_verdict given(const struct peer *peer, uint64_t generation, uint64_t now) {
        return given_of(peer, "athena", generation, now);
}

static enum audit_verdict refused(const struct peer *peer, uint64_t now) {
        return audit_refused(&audit, audit_meet(&audit, peer, 0), now);
}

/* How many records PEER makes of N refusals at NOW. */
static unsigned told_of(const struct peer *peer, unsigned n, uint64_t now) {
        unsigned told = 0;

        for (unsigned i = 0; i < n; i++)
                told += refused(peer, now) == AUDIT_TELL;
        return told;
}

static void assert_nothing_is_owed(uint64_t now) {
        assert_false(audit_take_left_out(&audit, now, &left_out));
}

static void assert_owed(uint64_t now, enum audit_kind kind, uint64_t n, const struct peer *peer) {
        assert_true(audit_take_left_out(&audit, now, &left_out));
        assert_int_equal(left_out.kind, kind);
        assert_int_equal(left_out.n, n);
        assert_int_equal(left_out.uid, peer->uid);
        assert_int_equal(left_out.is_unit, peer->is_unit);
        assert_string_equal(left_out.unit, peer->unit ? peer->unit : "");
}

/* ---- the first time ---- */

static void test_each_generation_is_told_once(void **state) {
        assert_int_equal(given(&worker, 41, START), AUDIT_TELL);
        for (unsigned i = 0; i < 2000; i++)
                assert_int_equal(given(&worker, 41, START + i * MINUTE), AUDIT_KNOWN);
        assert_int_equal(given(&worker, 42, START), AUDIT_TELL);
        assert_int_equal(given(&worker, 42, START), AUDIT_KNOWN);
        assert_nothing_is_owed(NEVER);
}

static void test_tokens_of_one_generation_are_not_taken_for_each_other(void **state) {
        assert_int_equal(given_of(&worker, "athena", 41, START), AUDIT_TELL);
        assert_int_equal(given_of(&worker, "other", 41, START), AUDIT_TELL);
        assert_int_equal(given_of(&worker, "athena", 41, START), AUDIT_KNOWN);
        assert_int_equal(given_of(&worker, "other", 41, START), AUDIT_KNOWN);
}

static void test_a_peer_is_a_user_and_a_unit(void **state) {
        struct peer same = worker, root = worker, nowhere = worker;
        char name[] = "worker.service"; /* the same, elsewhere in memory */

        same.pid = 4711;
        same.unit = name;
        root.uid = 0;
        nowhere.unit = NULL;
        assert_int_equal(given(&worker, 41, START), AUDIT_TELL);
        assert_int_equal(given(&same, 41, START), AUDIT_KNOWN);
        assert_int_equal(given(&report, 41, START), AUDIT_TELL);
        assert_int_equal(given(&root, 41, START), AUDIT_TELL);
        assert_int_equal(given(&nowhere, 41, START), AUDIT_TELL);
        assert_int_equal(given(&nowhere, 41, START), AUDIT_KNOWN);
}

/* More than there are lists that they are spread over, so that some meet in one. */
static void test_many_units_and_tokens_of_a_user_are_told_apart(void **state) {
        char unit[32], token[32];
        struct peer peer = {.uid = 1001, .unit = unit};

        for (unsigned i = 0; i < AUDIT_PEERS_MAX; i++) {
                snprintf(unit, sizeof unit, "worker@%u.service", i);
                assert_int_equal(given(&peer, 41, START), AUDIT_TELL);
        }
        audit_init(&audit, AUDIT_FIRST);
        for (unsigned i = 0; i < 2 * AUDIT_BUCKETS; i++) {
                snprintf(token, sizeof token, "t%u", i);
                assert_int_equal(given_of(&worker, token, 41, START + i * SECOND), AUDIT_TELL);
        }
}

static void test_a_unit_that_is_started_is_not_the_process_in_it(void **state) {
        struct peer root = starting;

        root.is_unit = false;
        assert_int_equal(given(&starting, 41, START), AUDIT_TELL);
        assert_int_equal(given(&root, 41, START), AUDIT_TELL);
        assert_int_equal(given(&starting, 41, START), AUDIT_KNOWN);
}

static void test_nothing_is_told_where_nothing_is_wanted(void **state) {
        audit_init(&audit, AUDIT_NONE);
        assert_int_equal(given(&worker, 41, START), AUDIT_KNOWN);
        assert_int_equal(told_of(&worker, 1000, START), 0);
        assert_int_equal(audit_deadline(&audit), NEVER);
        assert_nothing_is_owed(NEVER);
}

static void test_all_are_told_up_to_the_limit(void **state) {
        for (unsigned i = 0; i < AUDIT_GIVEN_MAX; i++)
                assert_int_equal(given(&worker, 41, START), AUDIT_TELL);
        assert_int_equal(given(&worker, 41, START), AUDIT_LEFT_OUT);
        assert_int_equal(given(&report, 41, START), AUDIT_TELL);
        assert_owed(NEVER, AUDIT_GIVEN, 1, &worker);
}

/* ---- limits ---- */

static void test_refusals_are_told_up_to_the_limit_and_then_counted(void **state) {
        assert_int_equal(told_of(&stranger, AUDIT_REFUSED_MAX, START), AUDIT_REFUSED_MAX);
        assert_int_equal(audit_deadline(&audit), NEVER);
        assert_int_equal(refused(&stranger, START + SECOND), AUDIT_LEFT_OUT);
        assert_int_equal(told_of(&stranger, 100, START + 2 * SECOND), 0);
        assert_int_equal(audit_deadline(&audit), START + SECOND + AUDIT_WINDOW);
        assert_nothing_is_owed(START + SECOND + AUDIT_WINDOW - 1);
        assert_owed(START + SECOND + AUDIT_WINDOW, AUDIT_REFUSED, 101, &stranger);
        assert_nothing_is_owed(NEVER);
        assert_int_equal(audit_deadline(&audit), NEVER);
}

static void test_there_is_room_again_in_the_next_window(void **state) {
        assert_int_equal(told_of(&stranger, AUDIT_REFUSED_MAX, START), AUDIT_REFUSED_MAX);
        assert_int_equal(told_of(&stranger, 20, START + AUDIT_WINDOW), AUDIT_REFUSED_MAX);
        assert_owed(START + 2 * AUDIT_WINDOW, AUDIT_REFUSED, 10, &stranger);
        assert_int_equal(told_of(&stranger, 20, START + 2 * AUDIT_WINDOW), AUDIT_REFUSED_MAX);
}

/* Else a count would be told of a window that has passed, among the records of the next one. */
static void test_nothing_more_is_told_before_the_count_is(void **state) {
        told_of(&stranger, AUDIT_REFUSED_MAX + 1, START);
        assert_int_equal(told_of(&stranger, 5, START + 3 * AUDIT_WINDOW), 0);
        assert_owed(START + 3 * AUDIT_WINDOW, AUDIT_REFUSED, 6, &stranger);
        assert_int_equal(told_of(&stranger, 5, START + 3 * AUDIT_WINDOW), 5);
}

static void test_in_no_two_windows_are_there_more_than_so_many(void **state) {
        uint64_t seed = 1, now = START, told[2000];
        size_t n = 0;

        for (unsigned i = 0; i < 100000; i++) {
                now += chance(&seed) % (2 * SECOND);
                while (audit_take_left_out(&audit, now, &left_out))
                        assert_true(left_out.n > 0);
                if (refused(&stranger, now) != AUDIT_TELL)
                        continue;
                /* Two windows that follow each other can have as many each. */
                if (n >= 2 * AUDIT_REFUSED_MAX)
                        assert_true(now - told[(n - 2 * AUDIT_REFUSED_MAX) % 2000] >= AUDIT_WINDOW);
                told[n++ % 2000] = now;
        }
        assert_true(n > 10000);
}

static void test_every_record_is_told_or_counted(void **state) {
        struct peer *const peers[] = {&worker, &report, &stranger, &starting};
        uint64_t seed = 7, now = START, n_told = 0, n_left_out = 0, last = 0;
        unsigned n = 200000;

        for (unsigned i = 0; i < n; i++) {
                now += chance(&seed) % (SECOND / 5);
                n_told += refused(peers[chance(&seed) % 4], now) == AUDIT_TELL;
                assert_true(audit_deadline(&audit) >= last); /* in order */
                while (audit_take_left_out(&audit, now, &left_out))
                        n_left_out += left_out.n;
                last = time_min(audit_deadline(&audit), now);
        }
        while (audit_take_left_out(&audit, NEVER, &left_out))
                n_left_out += left_out.n;
        assert_true(n_told > 10000 && n_left_out > 10000);
        assert_int_equal(n_told + n_left_out, n);
}

static void test_one_peers_many_records_leave_out_nobody_elses(void **state) {
        told_of(&stranger, 1000, START);
        assert_int_equal(told_of(&report, 1, START), 1);
        assert_int_equal(told_of(&worker, AUDIT_REFUSED_MAX, START), AUDIT_REFUSED_MAX);
}

static void test_what_is_given_is_not_hidden_behind_refusals(void **state) {
        told_of(&worker, 1000, START);
        assert_int_equal(given(&worker, 41, START), AUDIT_TELL);
        assert_owed(START + AUDIT_WINDOW, AUDIT_REFUSED, 990, &worker);
        assert_nothing_is_owed(NEVER);
}

static void test_counts_are_told_in_turn(void **state) {
        told_of(&worker, AUDIT_REFUSED_MAX, START);
        told_of(&stranger, AUDIT_REFUSED_MAX + 1, START + SECOND);
        told_of(&worker, 2, START + 2 * SECOND);
        assert_int_equal(audit_deadline(&audit), START + SECOND + AUDIT_WINDOW);
        assert_owed(NEVER, AUDIT_REFUSED, 1, &stranger);
        assert_int_equal(audit_deadline(&audit), START + 2 * SECOND + AUDIT_WINDOW);
        assert_owed(NEVER, AUDIT_REFUSED, 2, &worker);
        assert_nothing_is_owed(NEVER);
}

/* Whoever may have more tokens than fit into a window. */
static void test_a_generation_that_was_left_out_is_counted_once_and_told_later(void **state) {
        char name[16];

        for (unsigned i = 0; i < AUDIT_GIVEN_MAX; i++) {
                snprintf(name, sizeof name, "t%u", i);
                assert_int_equal(given_of(&worker, name, 41, START), AUDIT_TELL);
        }
        assert_int_equal(given(&worker, 41, START), AUDIT_LEFT_OUT);
        assert_int_equal(given(&worker, 41, START + SECOND), AUDIT_LEFT_OUT);
        assert_int_equal(given(&worker, 42, START + SECOND), AUDIT_LEFT_OUT);
        assert_owed(START + AUDIT_WINDOW, AUDIT_GIVEN, 2, &worker);
        assert_int_equal(given(&worker, 42, START + AUDIT_WINDOW), AUDIT_TELL);
        assert_int_equal(given(&worker, 42, START + AUDIT_WINDOW), AUDIT_KNOWN);
        assert_int_equal(given_of(&worker, "t0", 41, START), AUDIT_KNOWN);
}

/* ---- what is remembered ---- */

static struct peer numbered(uid_t uid) {
        return (struct peer){.uid = uid};
}

static void test_so_many_peers_are_remembered_and_one_more_is_not(void **state) {
        for (uid_t uid = 0; uid < AUDIT_PEERS_MAX; uid++) {
                struct peer peer = numbered(uid);

                assert_int_equal(given(&peer, 41, START), AUDIT_TELL);
        }
        for (uid_t uid = 0; uid < AUDIT_PEERS_MAX; uid++) {
                struct peer peer = numbered(uid);

                assert_int_equal(given(&peer, 41, START), AUDIT_KNOWN);
        }
        struct peer first = numbered(0), second = numbered(1), more = numbered(AUDIT_PEERS_MAX);

        assert_int_equal(given(&first, 41, START), AUDIT_KNOWN); /* met last, from now on */
        assert_int_equal(given(&more, 41, START), AUDIT_TELL);
        assert_int_equal(given(&first, 41, START), AUDIT_KNOWN);
        assert_int_equal(given(&second, 41, START), AUDIT_TELL); /* one record too many */
}

static void test_so_many_things_had_are_remembered_and_one_more_is_not(void **state) {
        const unsigned n_tokens = 16;
        char name[16];

        _Static_assert(AUDIT_HAD_MAX / 16 < AUDIT_PEERS_MAX, "peers are not what is short");
        for (int time = 0; time < 2; time++)
                for (unsigned i = 0; i < AUDIT_HAD_MAX; i++) {
                        struct peer peer = numbered(i / n_tokens);

                        snprintf(name, sizeof name, "t%u", i % n_tokens);
                        assert_int_equal(given_of(&peer, name, 41, START),
                                         time == 0 ? AUDIT_TELL : AUDIT_KNOWN);
                }
        struct peer first = numbered(0);

        assert_int_equal(given_of(&first, "one-more", 41, START), AUDIT_TELL);
        assert_int_equal(given_of(&first, "t1", 41, START), AUDIT_KNOWN);
        assert_int_equal(given_of(&first, "t0", 41, START), AUDIT_TELL);
}

static void test_who_is_forgotten_is_told_of_at_once(void **state) {
        audit_init(&audit, AUDIT_ALL);
        for (unsigned i = 0; i < AUDIT_GIVEN_MAX + 3; i++)
                given(&stranger, 41, START);
        told_of(&stranger, AUDIT_REFUSED_MAX + 2, START);
        for (uid_t uid = 0; uid < AUDIT_PEERS_MAX - 1; uid++) {
                struct peer peer = numbered(5000 + uid);

                given(&peer, 41, START);
                assert_nothing_is_owed(START);
        }
        given(&worker, 41, START);
        assert_int_equal(audit_deadline(&audit), 0);
        assert_owed(START, AUDIT_REFUSED, 2, &stranger);
        assert_owed(START, AUDIT_GIVEN, 3, &stranger);
        assert_nothing_is_owed(NEVER);
        assert_int_equal(told_of(&stranger, 1, START), 1); /* as if never met */
}

/* What a forgotten peer has had must not be what another one has, who takes its place. */
static void test_nobody_inherits_what_was_had(void **state) {
        for (uid_t uid = 0; uid < 3 * AUDIT_PEERS_MAX; uid++) {
                struct peer peer = numbered(uid);

                assert_int_equal(given(&peer, 41, START), AUDIT_TELL);
        }
        assert_int_equal(given(&worker, 41, START), AUDIT_TELL);
}

static void test_the_longest_names_are_told_apart(void **state) {
        char one[UNIT_NAME_MAX + 1], other[UNIT_NAME_MAX + 1], token[TOKEN_NAME_MAX + 1];
        struct peer peer = {.uid = 1, .unit = one}, same = {.uid = 1, .unit = other};

        memset(one, 'a', UNIT_NAME_MAX);
        memset(token, 't', TOKEN_NAME_MAX);
        one[UNIT_NAME_MAX] = token[TOKEN_NAME_MAX] = 0;
        strcpy(other, one);
        assert_int_equal(given_of(&peer, token, 41, START), AUDIT_TELL);
        assert_int_equal(given_of(&same, token, 41, START), AUDIT_KNOWN);
        other[UNIT_NAME_MAX - 1] = 'b';
        assert_int_equal(given_of(&same, token, 41, START), AUDIT_TELL);
        token[TOKEN_NAME_MAX - 1] = 'u';
        assert_int_equal(given_of(&peer, token, 41, START), AUDIT_TELL);
}

/* ---- processes ---- */

static void test_a_process_is_known_as_the_peer_that_it_was_met_as(void **state) {
        struct audit_peer *peer = audit_meet(&audit, &worker, 700);

        assert_null(audit_find(&audit, 701, worker.uid));
        assert_ptr_equal(audit_find(&audit, 700, worker.uid), peer);
        assert_ptr_equal(audit_meet(&audit, &worker, 701), peer);
        assert_ptr_equal(audit_find(&audit, 701, worker.uid), peer);
        assert_string_equal(peer->unit, "worker.service");
}

/* It may have been root when it connected first. */
static void test_a_process_of_another_user_is_another_peer(void **state) {
        struct audit_peer *one = audit_meet(&audit, &worker, 700), *other;

        assert_null(audit_find(&audit, 700, stranger.uid));
        other = audit_meet(&audit, &stranger, 700);
        assert_ptr_not_equal(one, other);
        assert_ptr_equal(audit_find(&audit, 700, stranger.uid), other);
        assert_ptr_equal(audit_find(&audit, 700, worker.uid), one);
}

static void test_who_has_no_number_is_not_noted(void **state) {
        audit_meet(&audit, &worker, 0);
        assert_null(audit_find(&audit, 0, worker.uid));
}

static void test_a_process_of_a_forgotten_peer_is_not_another_ones(void **state) {
        audit_meet(&audit, &worker, 700);
        for (uid_t uid = 0; uid < AUDIT_PEERS_MAX; uid++) {
                struct peer peer = numbered(5000 + uid);

                audit_meet(&audit, &peer, 0);
        }
        assert_null(audit_find(&audit, 700, worker.uid));
        assert_non_null(audit_meet(&audit, &worker, 700));
        assert_non_null(audit_find(&audit, 700, worker.uid));
}

static void test_a_peer_is_not_forgotten_while_its_process_comes(void **state) {
        given(&worker, 41, START);
        audit_meet(&audit, &worker, 700);
        for (uid_t uid = 0; uid < 3 * AUDIT_PEERS_MAX; uid++) {
                struct peer peer = numbered(5000 + uid);

                audit_meet(&audit, &peer, 0);
                assert_non_null(audit_find(&audit, 700, worker.uid));
        }
        assert_int_equal(given(&worker, 41, START), AUDIT_KNOWN);
}

static void test_so_many_processes_are_remembered_and_one_more_is_not(void **state) {
        for (uint64_t process = 1; process <= AUDIT_PROCESSES_MAX; process++)
                audit_meet(&audit, &worker, process);
        assert_non_null(audit_find(&audit, 1, worker.uid)); /* seen last, from now on */
        audit_meet(&audit, &worker, AUDIT_PROCESSES_MAX + 1);
        assert_null(audit_find(&audit, 2, worker.uid));
        assert_non_null(audit_find(&audit, 1, worker.uid));
        for (uint64_t process = 3; process <= AUDIT_PROCESSES_MAX + 1; process++)
                assert_non_null(audit_find(&audit, process, worker.uid));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_each_generation_is_told_once),
                TEST(test_tokens_of_one_generation_are_not_taken_for_each_other),
                TEST(test_a_peer_is_a_user_and_a_unit),
                TEST(test_many_units_and_tokens_of_a_user_are_told_apart),
                TEST(test_a_unit_that_is_started_is_not_the_process_in_it),
                TEST(test_nothing_is_told_where_nothing_is_wanted),
                cmocka_unit_test_setup(test_all_are_told_up_to_the_limit, setup_all),
                TEST(test_refusals_are_told_up_to_the_limit_and_then_counted),
                TEST(test_there_is_room_again_in_the_next_window),
                TEST(test_nothing_more_is_told_before_the_count_is),
                TEST(test_in_no_two_windows_are_there_more_than_so_many),
                TEST(test_every_record_is_told_or_counted),
                TEST(test_one_peers_many_records_leave_out_nobody_elses),
                TEST(test_what_is_given_is_not_hidden_behind_refusals),
                TEST(test_counts_are_told_in_turn),
                TEST(test_a_generation_that_was_left_out_is_counted_once_and_told_later),
                TEST(test_so_many_peers_are_remembered_and_one_more_is_not),
                TEST(test_so_many_things_had_are_remembered_and_one_more_is_not),
                TEST(test_who_is_forgotten_is_told_of_at_once),
                TEST(test_nobody_inherits_what_was_had),
                TEST(test_the_longest_names_are_told_apart),
                TEST(test_a_process_is_known_as_the_peer_that_it_was_met_as),
                TEST(test_a_process_of_another_user_is_another_peer),
                TEST(test_who_has_no_number_is_not_noted),
                TEST(test_a_process_of_a_forgotten_peer_is_not_another_ones),
                TEST(test_a_peer_is_not_forgotten_while_its_process_comes),
                TEST(test_so_many_processes_are_remembered_and_one_more_is_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
