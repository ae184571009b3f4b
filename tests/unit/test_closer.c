/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
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

#define MANY     1000
#define PATIENCE 10000 /* ms */

/* Each has a burden: who closes one lingers for an hour, but who ends. */
struct burdened {
        int ours, theirs;
        int reader; /* who would take off what the burden has sent */
};

static struct closer closer;
static struct burdened many[MANY];
static size_t n; /* of them */
static bool threads_fail;

/* The linker puts this in the way (--wrap in meson.build). */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user) {
        return threads_fail ? EAGAIN : __real_pthread_create(thread, attributes, start, user);
}

static int setup(void **state) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -1;
        limit.rlim_cur = limit.rlim_max;
        n = 0;
        threads_fail = false;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -1 : closer_open(&closer);
}

static int teardown(void **state) {
        closer_deinit(&closer);
        while (n-- > 0) {
                close(many[n].theirs);
                close(many[n].reader);
        }
        return 0;
}

/* One more, whose burden is ours to drop. */
static struct burdened *make(void) {
        struct burdened *made = &many[n++];
        int fds[2], burden = burden_open(&made->reader);

        assert_true(burden >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        made->ours = fds[0];
        made->theirs = fds[1];
        assert_int_equal(burden_send(made->theirs, "!", &burden, 1, 0), 1);
        close(burden);
        return made;
}

/* Reads on until the other end of FD is closed. */
static void assert_ends(int fd) {
        static char taken[65536];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t size;

        do {
                assert_int_equal(poll(&ready, 1, PATIENCE), 1);
                size = recv(fd, taken, sizeof taken, MSG_DONTWAIT);
        } while (size > 0);
        assert_true(size == 0 || errno == ECONNRESET);
}

static void assert_all_are_closed(void) {
        for (size_t i = 0; i < n; i++)
                assert_ends(many[i].theirs);
        assert_ends(many[n - 1].reader); /* it takes 0.2 s to empty a queue so small */
}

static size_t count_threads(void) {
        DIR *directory = opendir("/proc/self/task");
        size_t entries = 0;

        assert_non_null(directory);
        while (readdir(directory))
                entries++;
        closedir(directory);
        return entries - 2; /* . and .. */
}

static void assert_no_thread_stays(void) {
        struct timespec pause = {.tv_nsec = 1000000};

        for (int i = 0; i < PATIENCE && count_threads() > 1; i++)
                nanosleep(&pause, NULL);
        assert_int_equal(count_threads(), 1);
}

static void test_one_is_closed_and_nobody_lingers(void **state) {
        assert_int_equal(closer_take(&closer, make()->ours), 0);
        assert_all_are_closed();
        assert_no_thread_stays();
}

static void test_many_are_closed_and_nobody_lingers(void **state) {
        while (n < MANY)
                assert_int_equal(closer_take(&closer, make()->ours), 0);
        assert_all_are_closed();
        assert_no_thread_stays();
}

/* So many as its pair holds wait for one. */
static void test_without_a_thread_all_wait_for_the_next_one(void **state) {
        struct burdened *last;

        threads_fail = true;
        do {
                assert_in_range(n, 0, MANY - 2);
                last = make();
        } while (closer_take(&closer, last->ours) == 0);
        assert_in_range(n, 100, MANY - 2);
        assert_int_equal(closer_take(&closer, last->ours), -EAGAIN);
        threads_fail = false;
        assert_int_equal(closer_take(&closer, last->ours), 0);
        assert_all_are_closed();
        assert_no_thread_stays();
}

static void test_what_is_none_stays_where_it_is(void **state) {
        int fd = dup(closer.in);

        close(fd);
        assert_int_equal(closer_take(&closer, fd), -EBADF);
        assert_false(closer.is_called);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_is_closed_and_nobody_lingers, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_many_are_closed_and_nobody_lingers, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_without_a_thread_all_wait_for_the_next_one,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_is_none_stays_where_it_is, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
