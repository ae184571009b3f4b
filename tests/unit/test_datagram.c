/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/datagram.h"
#include "base/timespan.h"

#define PATIENCE (50 * NSEC_PER_MSEC)
#define SLOW     (10 * NSEC_PER_SEC)

static const struct slice hello = SLICE_INIT("hello");

static char directory[] = "/tmp/test-datagram-XXXXXX", path[64];
static int receiver = -1, sender = -1;

static void bind_to(const struct sockaddr_un *address, socklen_t size) {
        receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_return_code(bind(receiver, (const struct sockaddr *)address, size), errno);
}

static int set_up_all(void **state) {
        if (!mkdtemp(directory))
                return -1;
        snprintf(path, sizeof path, "%s/socket", directory);
        return 0;
}

static int tear_down_all(void **state) {
        return rmdir(directory);
}

static int setup(void **state) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        strcpy(address.sun_path, path);
        bind_to(&address, sizeof address);
        return datagram_open(PATIENCE, &sender);
}

static int teardown(void **state) {
        close(receiver);
        close(sender);
        return unlink(path);
}

static void assert_heard(const char *expected) {
        char text[64] = "";

        assert_int_equal(recv(receiver, text, sizeof text - 1, 0), strlen(expected));
        assert_string_equal(text, expected);
}

static void test_messages_arrive(void **state) {
        assert_int_equal(datagram_send(sender, path, hello, -1, 0), 0);
        assert_int_equal(datagram_send(sender, path, SLICE("bye"), -1, MSG_DONTWAIT), 0);
        assert_heard("hello");
        assert_heard("bye");
}

static void test_abstract_name(void **state) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t size = sizeof address.sun_family;
        char name[sizeof address.sun_path + 1] = "";

        close(receiver);
        bind_to(&address, size); /* the kernel chooses one: unix(7) */
        size = sizeof address;
        assert_return_code(getsockname(receiver, (struct sockaddr *)&address, &size), errno);
        memcpy(name, address.sun_path, size - offsetof(struct sockaddr_un, sun_path));
        name[0] = '@';
        assert_int_equal(datagram_send(sender, name, hello, -1, 0), 0);
        assert_heard("hello");
}

static void test_a_descriptor_goes_along(void **state) {
        alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
        char text[64];
        struct iovec part = {text, sizeof text};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        int ends[2], passed;

        assert_return_code(pipe(ends), errno);
        assert_int_equal(datagram_send(sender, path, hello, ends[1], 0), 0);
        close(ends[1]);
        assert_int_equal(recvmsg(receiver, &message, MSG_CMSG_CLOEXEC), 5);
        assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_type, SCM_RIGHTS);
        assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(sizeof passed));
        memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
        assert_int_equal(write(passed, "x", 1), 1);
        assert_int_equal(read(ends[0], text, sizeof text), 1);
        close(passed);
        close(ends[0]);
}

static void test_who_does_not_read_is_waited_for_so_long_and_no_longer(void **state) {
        uint64_t began, took;

        while (datagram_send(sender, path, hello, -1, MSG_DONTWAIT) == 0)
                ;
        assert_int_equal(datagram_send(sender, path, hello, -1, MSG_DONTWAIT), -EAGAIN);
        began = clock_now();
        assert_int_equal(datagram_send(sender, path, hello, -1, 0), -EAGAIN);
        took = clock_now() - began;
        assert_in_range(took, PATIENCE / 2, SLOW);
        assert_heard("hello");
        assert_int_equal(datagram_send(sender, path, hello, -1, MSG_DONTWAIT), 0);
}

static void test_nobody_is_there(void **state) {
        char long_path[200];

        close(receiver);
        assert_int_equal(datagram_send(sender, path, hello, -1, 0), -ECONNREFUSED);
        assert_int_equal(datagram_send(sender, "/nonexistent/socket", hello, -1, 0), -ENOENT);
        assert_int_equal(datagram_send(sender, "@bearerd-test-nobody", hello, -1, 0),
                         -ECONNREFUSED);
        memset(long_path, 'x', sizeof long_path - 1);
        long_path[sizeof long_path - 1] = 0;
        assert_int_equal(datagram_send(sender, long_path, hello, -1, 0), -EINVAL);
        assert_int_equal(datagram_send(sender, "", hello, -1, 0), -EINVAL);
        receiver = -1;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_messages_arrive, setup, teardown),
                cmocka_unit_test_setup_teardown(test_abstract_name, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_descriptor_goes_along, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_who_does_not_read_is_waited_for_so_long_and_no_longer, setup,
                        teardown),
                cmocka_unit_test_setup_teardown(test_nobody_is_there, setup, teardown),
        };

        return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
