/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/sweeper.h"
#include "threadless.h"

#define PATIENCE 10000 /* ms */

static int fds[SWEEPER_MAX];

static int setup(void **state) {
        struct rlimit limit;

        thread_error = 0;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -1;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -1;
        for (size_t i = 0; i < SWEEPER_MAX; i++) {
                fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
                if (fds[i] < 0)
                        return -1;
        }
        return 0;
}

static void wait_for_it(void) {
        struct timespec pause = {.tv_nsec = 1000000};

        for (int i = 0; i < PATIENCE && sweeper_is_busy(); i++)
                nanosleep(&pause, NULL);
        assert_false(sweeper_is_busy());
}

static size_t count_open(void) {
        size_t n = 0;

        for (size_t i = 0; i < SWEEPER_MAX; i++)
                n += fcntl(fds[i], F_GETFD) >= 0;
        return n;
}

static void test_all_are_closed_and_then_others(void **state) {
        assert_false(sweeper_is_busy());
        assert_int_equal(sweeper_start(fds, SWEEPER_MAX - 1), 0);
        wait_for_it();
        assert_int_equal(count_open(), 1);
        assert_int_equal(sweeper_start(&fds[SWEEPER_MAX - 1], 1), 0);
        wait_for_it();
        assert_int_equal(count_open(), 0);
}

static void test_without_a_thread_they_stay_as_they_are(void **state) {
        thread_error = EAGAIN;
        assert_int_equal(sweeper_start(fds, SWEEPER_MAX), -EAGAIN);
        assert_false(sweeper_is_busy());
        assert_int_equal(count_open(), SWEEPER_MAX);
        for (size_t i = 0; i < SWEEPER_MAX; i++)
                close(fds[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_all_are_closed_and_then_others, setup),
                cmocka_unit_test_setup(test_without_a_thread_they_stay_as_they_are, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
