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
#include <sys/wait.h>
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

/* And closed, which bearerd leaves to its end. */
static void shut(int fd) {
        listener_shut(fd, path);
        close(fd);
}

static bool is_there(void) {
        return access(path, F_OK) == 0;
}

static void test_path_goes_with_its_socket(void **state) {
        shut(open_socket());
        assert_false(is_there());
}

static void test_path_goes_though_a_child_still_has_the_socket(void **state) {
        int fd = open_socket(), of_child = dup(fd);

        assert_true(of_child >= 0);
        shut(fd);
        assert_false(is_there());
        close(of_child);
}

static void test_path_that_another_one_has_taken_over_stays(void **state) {
        int first = open_socket(), second;

        assert_int_equal(unlink(path), 0);
        second = open_socket();
        shut(first);
        assert_true(is_there());
        shut(second);
        assert_false(is_there());
}

static void test_path_that_is_served_is_not_taken(void **state) {
        int fd = open_socket();

        assert_int_equal(listener_open(path, 0600, (gid_t)-1), -EADDRINUSE);
        shut(fd);
}

/* Opens the socket, says so to PARENT, and when that says so ends as bearerd does. */
static void live_and_end(int parent) {
        char byte = 0;
        int fd = open_socket();

        assert_int_equal(write(parent, &byte, 1), 1);
        assert_int_equal(read(parent, &byte, 1), 1);
        listener_shut(fd, path);
        _exit(0);
}

/* Who waits there is hung up on, and what that one has passed takes an hour to be dropped. */
static void test_burden_of_who_waits_keeps_no_end_waiting(void **state) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int worker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), reader;
        int burden = burden_open(&reader), pair[2];
        char byte = 0;
        pid_t child;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        child = fork();
        if (child == 0) {
                close(burden);
                live_and_end(pair[1]);
        }
        assert_int_equal(read(pair[0], &byte, 1), 1);
        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        assert_int_equal(connect(worker, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(burden_send(worker, "GET ", &burden, 1, 0), 4);
        close(burden);
        assert_int_equal(write(pair[0], &byte, 1), 1);
        assert_true(burden_read_to_end(worker, 10000));
        assert_true(burden_read_to_end(reader, 10000));
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_false(is_there());
        close(pair[0]);
        close(pair[1]);
        close(reader);
        close(worker);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_path_goes_with_its_socket),
                cmocka_unit_test(test_path_goes_though_a_child_still_has_the_socket),
                cmocka_unit_test(test_path_that_another_one_has_taken_over_stays),
                cmocka_unit_test(test_path_that_is_served_is_not_taken),
                cmocka_unit_test(test_burden_of_who_waits_keeps_no_end_waiting),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
