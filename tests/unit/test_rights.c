/* SPDX-License-Identifier: MIT */
/* What is passed here would take an hour to be dropped: each test that ends shows that it was not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "burden.h"
#include "io/peer.h"
#include "io/rights.h"

static int ours, theirs;
static bool comes_between;
static int reader; /* who would take off what the burden has sent */

static int setup(void **state) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        ours = fds[0];
        theirs = fds[1];
        reader = -1;
        rights_expect(ours);
        return 0;
}

static int teardown(void **state) {
        if (reader >= 0)
                close(reader); /* first: nobody has to linger then */
        close(ours);
        return close(theirs);
}

/* Along with TEXT, which has none of its own left. */
static void pass_burden(const char *text, int flags) {
        int burden = burden_open(&reader);

        assert_true(burden >= 0);
        assert_int_equal(burden_send(theirs, text, &burden, 1, flags), strlen(text));
        close(burden);
}

/* The linker puts this in the way of who looks (--wrap in meson.build). */
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags) {
        ssize_t size = __real_recvmsg(fd, message, flags);

        if (comes_between)
                pass_burden(" / ", 0);
        return size;
}

static void say(const char *text) {
        assert_int_equal(send(theirs, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void assert_read(const char *text) {
        char got[64];

        assert_int_equal(rights_read(ours, got, sizeof got), strlen(text));
        assert_memory_equal(got, text, strlen(text));
}

static void assert_not_read(int error) {
        char got[64];

        assert_int_equal(rights_read(ours, got, sizeof got), -1);
        assert_int_equal(errno, error);
}

static void test_bytes_are_read_as_by_read(void **state) {
        char got[2];

        assert_not_read(EAGAIN);
        say("GET / ");
        assert_int_equal(rights_read(ours, got, sizeof got), 2);
        assert_memory_equal(got, "GE", 2);
        say("HTTP/1.1");
        assert_read("T / HTTP/1.1");
        shutdown(theirs, SHUT_WR);
        assert_int_equal(rights_read(ours, got, sizeof got), 0);
}

static void test_bytes_with_rights_are_not_read_and_those_before_are(void **state) {
        say("GET");
        pass_burden(" / ", 0);
        say("HTTP/1.1");
        assert_not_read(EBADMSG);
        assert_not_read(EBADMSG);
        assert_true(peer_shut(ours));
}

static void test_other_ancillary_data_is_none(void **state) {
        int yes = 1;

        assert_int_equal(setsockopt(ours, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), 0);
        rights_expect(ours);
        say("GET");
        assert_read("GET");
}

static void test_rights_that_come_after_a_look_do_not_come_with_it(void **state) {
        say("GET");
        assert_read("GET");
        pass_burden(" / ", 0);
        assert_not_read(EBADMSG);
        assert_not_read(EBADMSG);
        assert_true(peer_shut(ours));
}

/* As a kernel may (MSG_OOB): then a read would drop them before it comes to its first byte. */
static void test_rights_that_are_sent_out_of_band_are_not_skipped(void **state) {
        pass_burden("!", MSG_OOB);
        say("GET");
        assert_not_read(EBADMSG);
        assert_true(peer_shut(ours));
}

static void test_what_has_nothing_unread_has_no_rights(void **state) {
        say("GET");
        assert_read("GET");
        assert_false(peer_shut(ours));
}

static void test_nothing_comes_once_it_is_shut(void **state) {
        char byte;

        assert_false(peer_shut(ours));
        assert_int_equal(recv(theirs, &byte, 1, MSG_DONTWAIT), 0);
        assert_int_equal(burden_send(theirs, "!", &ours, 1, 0), -1);
        assert_int_equal(errno, EPIPE);
        assert_false(peer_shut(ours));
}

static void test_refusing_is_as_the_kernel_can(void **state) {
        int passes_rights;
        socklen_t size = sizeof passes_rights;
        bool can = getsockopt(ours, SOL_SOCKET, SO_PASSRIGHTS, &passes_rights, &size) == 0;

        assert_int_equal(rights_refuse(ours), can);
        assert_int_equal(burden_send(theirs, "!", &ours, 1, 0), can ? -1 : 1);
}

static void test_rights_that_come_between_a_look_and_a_read_are_not_read(void **state) {
        say("GET");
        comes_between = true;
        assert_read("GET");
        comes_between = false;
        assert_not_read(EBADMSG);
        assert_true(peer_shut(ours));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_bytes_are_read_as_by_read, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_bytes_with_rights_are_not_read_and_those_before_are, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_rights_that_come_after_a_look_do_not_come_with_it, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_rights_that_are_sent_out_of_band_are_not_skipped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_has_nothing_unread_has_no_rights, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_nothing_comes_once_it_is_shut, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_refusing_is_as_the_kernel_can, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_rights_that_come_between_a_look_and_a_read_are_not_read, setup,
                        teardown),
                cmocka_unit_test_setup_teardown(test_other_ancillary_data_is_none, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
