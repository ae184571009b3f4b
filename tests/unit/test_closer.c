/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "burden.h"
#include "io/closer.h"
#include "threadless.h"

#define MANY     1000
#define PATIENCE 10000 /* ms */

/* Each has a burden: who closes it lingers for an hour, but who ends. */
struct burdened {
        int ours, theirs;
        int reader; /* who would take off what the burden has sent */
};

static struct burdened many[MANY];
static size_t n;       /* of them */
static size_t threads; /* that there are anyhow */
static int copy_error;

/* The linker puts this in the way, too (--wrap in meson.build). */
int __real_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags) {
        errno = copy_error;
        return copy_error ? -1 : __real_close_range(first, last, flags);
}

static size_t count_entries(const char *path) {
        DIR *directory = opendir(path);
        size_t entries = 0;

        assert_non_null(directory);
        while (readdir(directory))
                entries++;
        closedir(directory);
        return entries;
}

static size_t count_threads(void) {
        return count_entries("/proc/self/task");
}

static int setup(void **state) {
        struct rlimit limit;

        n = 0;
        threads = count_threads();
        thread_error = copy_error = 0;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -1;
        limit.rlim_cur = limit.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &limit);
}

static int teardown(void **state) {
        while (n-- > 0) {
                close(many[n].theirs);
                close(many[n].reader);
        }
        return 0;
}

/* One more, whose burden is ours to drop. */
static int make(void) {
        struct burdened *made = &many[n++];
        int fds[2], burden = burden_open(&made->reader);

        assert_true(burden >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        made->ours = fds[0];
        made->theirs = fds[1];
        assert_int_equal(burden_send(made->theirs, "!", &burden, 1, 0), 1);
        close(burden);
        return made->ours;
}

static void assert_no_thread_stays(void) {
        struct timespec pause = {.tv_nsec = 1000000};

        for (int i = 0; i < PATIENCE && count_threads() > threads; i++)
                nanosleep(&pause, NULL);
        assert_int_equal(count_threads(), threads);
}

/* A thread that lingers would be there for as long as nobody reads what its burden has sent. */
static void assert_all_are_dropped(void) {
        assert_no_thread_stays();
        for (size_t i = 0; i < n; i++)
                assert_true(burden_read_to_end(many[i].theirs, PATIENCE));
        assert_true(burden_read_to_end(many[n - 1].reader, PATIENCE)); /* which takes 0.2 s */
}

static void test_one_is_closed_and_nobody_lingers(void **state) {
        closer_close(make());
        assert_all_are_dropped();
}

static void test_many_are_closed_and_nobody_lingers(void **state) {
        while (n < MANY)
                make();
        assert_int_equal(closer_begin(), 0);
        for (size_t i = 0; i < n; i++)
                close(many[i].ours);
        closer_end();
        assert_all_are_dropped();
}

/* One after the other, each while others are at it. */
static void test_many_times(void **state) {
        while (n < MANY)
                closer_close(make());
        assert_all_are_dropped();
}

static void test_failure_is_told_and_leaves_nothing(void **state) {
        size_t descriptors = count_entries("/proc/self/fd");

        thread_error = EAGAIN;
        assert_int_equal(closer_begin(), -EAGAIN);
        closer_close(STDOUT_FILENO);
        assert_return_code(fcntl(STDOUT_FILENO, F_GETFD), errno);
        thread_error = 0;
        copy_error = EPERM;
        assert_int_equal(closer_begin(), -EPERM);
        assert_no_thread_stays();
        copy_error = 0;
        assert_int_equal(closer_begin(), 0);
        closer_end();
        assert_no_thread_stays();
        assert_int_equal(count_entries("/proc/self/fd"), descriptors);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_is_closed_and_nobody_lingers, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_many_are_closed_and_nobody_lingers, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_many_times, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failure_is_told_and_leaves_nothing, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
