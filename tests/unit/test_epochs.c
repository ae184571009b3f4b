/* SPDX-License-Identifier: MIT */
#include "story.h"

#include "core/epochs.h"

#define START (1000 * SECOND)

static struct epochs epochs;

static int setup(void **state) {
        epochs_init(&epochs);
        return 0;
}

static void test_a_slot_is_shut_until_it_moves(void **state) {
        uint32_t slot = epochs_take(&epochs);

        assert_int_equal(epochs_at(&epochs, slot), 0);
        epochs_move(&epochs, slot, START);
        assert_int_equal(epochs_at(&epochs, slot), START / NSEC_PER_USEC);
        epochs_shut(&epochs, slot);
        assert_int_equal(epochs_at(&epochs, slot), 0);
}

static void test_no_epoch_comes_twice_even_in_one_microsecond(void **state) {
        uint32_t a = epochs_take(&epochs), b = epochs_take(&epochs);
        uint64_t last = 0;

        assert_int_not_equal(a, b);
        for (int i = 0; i < 10; i++) {
                uint32_t slot = i % 2 ? a : b;

                epochs_move(&epochs, slot, START - (uint64_t)i);
                assert_true(epochs_at(&epochs, slot) > last);
                last = epochs_at(&epochs, slot);
        }
        assert_int_equal(epochs.last, last);
}

static void test_a_slot_that_is_given_back_is_shut_and_can_be_had_again(void **state) {
        uint32_t slot = epochs_take(&epochs);
        uint64_t before;

        epochs_take(&epochs);
        epochs_move(&epochs, slot, START);
        before = epochs_at(&epochs, slot);
        epochs_give(&epochs, slot);
        assert_int_equal(epochs.slots[slot], 0);
        assert_int_equal(epochs_take(&epochs), slot);
        epochs_move(&epochs, slot, START);
        assert_true(epochs_at(&epochs, slot) > before);
}

static void test_who_finds_no_slot_is_never_kept(void **state) {
        for (uint32_t i = 0; i < EPOCH_SLOTS_MAX; i++)
                assert_int_equal(epochs_take(&epochs), i);
        assert_int_equal(epochs_take(&epochs), EPOCH_NO_SLOT);
        epochs_move(&epochs, EPOCH_NO_SLOT, START);
        assert_int_equal(epochs_at(&epochs, EPOCH_NO_SLOT), 0);
        epochs_give(&epochs, EPOCH_NO_SLOT);
        epochs_give(&epochs, 7);
        assert_int_equal(epochs_take(&epochs), 7);
}

static void test_a_later_life_goes_on_behind_the_one_before(void **state) {
        static const struct {
                uint64_t last, epoch;
        } lives[] = {
                {0, START / NSEC_PER_USEC},
                {START / NSEC_PER_USEC - 1, START / NSEC_PER_USEC},
                {START / NSEC_PER_USEC, START / NSEC_PER_USEC + 1},
                {EPOCH_MAX / 2 - 1, EPOCH_MAX / 2},
                {EPOCH_MAX / 2, START / NSEC_PER_USEC}, /* no number of ours */
                {EPOCH_MAX, START / NSEC_PER_USEC},
                {UINT64_MAX, START / NSEC_PER_USEC},
        };

        for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
                uint32_t slot;

                epochs_init(&epochs);
                epochs_go_on(&epochs, lives[i].last);
                slot = epochs_take(&epochs);
                epochs_move(&epochs, slot, START);
                assert_int_equal(epochs_at(&epochs, slot), lives[i].epoch);
        }
}

static void test_a_change_is_told_once(void **state) {
        uint32_t slot = epochs_take(&epochs);

        assert_false(epochs_take_change(&epochs));
        epochs_shut(&epochs, slot); /* as it was */
        assert_false(epochs_take_change(&epochs));
        epochs_move(&epochs, slot, START);
        assert_true(epochs_take_change(&epochs));
        assert_false(epochs_take_change(&epochs));
        epochs_give(&epochs, slot);
        assert_true(epochs_take_change(&epochs));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_a_slot_is_shut_until_it_moves),
                TEST(test_no_epoch_comes_twice_even_in_one_microsecond),
                TEST(test_a_slot_that_is_given_back_is_shut_and_can_be_had_again),
                TEST(test_who_finds_no_slot_is_never_kept),
                TEST(test_a_later_life_goes_on_behind_the_one_before),
                TEST(test_a_change_is_told_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
