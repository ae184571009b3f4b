/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "burden.h"
#include "io/listener.h"

static char directory[] = "/tmp/test-listener-XXXXXX", path[64];

static int setup(void **state) {
        if (!mkdtemp(directory))
                return -1;
        snprintf(path, sizeof path, "%s/socket", directory);
        return 0;
}

static int teardown(void **state) {
        return rmdir(directory);
}

static int open_socket(void) {
        int fd = listener_open(path, 0600, (gid_t)-1);

        assert_true(fd >= 0);
        return fd;
}

static bool is_there(void) {
        return access(path, F_OK) == 0;
}

static void test_path_goes_with_its_socket(void **state) {
        listener_close(open_socket(), path);
        assert_false(is_there());
}

static void test_path_goes_though_a_child_still_has_the_socket(void **state) {
        int fd = open_socket(), of_child = dup(fd);

        assert_true(of_child >= 0);
        listener_close(fd, path);
        assert_false(is_there());
        close(of_child);
}

static void test_path_that_another_one_has_taken_over_stays(void **state) {
        int first = open_socket(), second;

        assert_int_equal(unlink(path), 0);
        second = open_socket();
        listener_close(first, path);
        assert_true(is_there());
        listener_close(second, path);
        assert_false(is_there());
}

static void test_path_that_is_served_is_not_taken(void **state) {
        int fd = open_socket();

        assert_int_equal(listener_open(path, 0600, (gid_t)-1), -EADDRINUSE);
        listener_close(fd, path);
}

/* Who waits there is hung up on, and what that one has passed takes an hour to be dropped. */
static void test_burden_of_who_waits_keeps_nobody_waiting(void **state) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = open_socket(), worker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), reader;
        int burden = burden_open(&reader);

        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        assert_int_equal(connect(worker, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(burden_send(worker, "GET ", &burden, 1, 0), 4);
        close(burden);
        listener_close(fd, path);
        assert_true(burden_read_to_end(worker, 10000));
        assert_true(burden_read_to_end(reader, 10000));
        close(reader);
        close(worker);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_path_goes_with_its_socket),
                cmocka_unit_test(test_path_goes_though_a_child_still_has_the_socket),
                cmocka_unit_test(test_path_that_another_one_has_taken_over_stays),
                cmocka_unit_test(test_path_that_is_served_is_not_taken),
                cmocka_unit_test(test_burden_of_who_waits_keeps_nobody_waiting),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
