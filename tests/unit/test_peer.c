/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/peer.h"

static int listener = -1;
static struct sockaddr_un address;
static socklen_t address_size;
static struct peer_processes processes;

/* A process that has connected, and stays. */
struct child {
        pid_t pid;
        int fd;
};

static int setup(void **state) {
        address = (struct sockaddr_un){.sun_family = AF_UNIX};
        address_size = sizeof address;
        processes = (struct peer_processes){0};
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        /* The kernel chooses an abstract address (unix(7)). */
        if (listener < 0 ||
            bind(listener, (struct sockaddr *)&address, sizeof address.sun_family) < 0 ||
            getsockname(listener, (struct sockaddr *)&address, &address_size) < 0)
                return -1;
        return listen(listener, 64);
}

static int teardown(void **state) {
        peer_processes_deinit(&processes);
        return close(listener);
}

static struct child child_new(void) {
        struct child child = {.pid = fork()};

        assert_true(child.pid >= 0);
        if (child.pid == 0) {
                int fd = socket(AF_UNIX, SOCK_STREAM, 0);

                if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_size) < 0)
                        _exit(1);
                pause();
                _exit(0);
        }
        child.fd = accept(listener, NULL, NULL);
        assert_true(child.fd >= 0);
        return child;
}

static void child_end(struct child *child) {
        kill(child->pid, SIGKILL);
        assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

static uint64_t find(const struct child *child) {
        struct peer peer;
        uint64_t number;

        assert_int_equal(peer_read(child->fd, &peer), 0);
        assert_int_equal(peer.pid, child->pid);
        number = peer_processes_find(&processes, child->fd, peer.pid);
        peer_deinit(&peer);
        return number;
}

static unsigned count_descriptors(void) {
        DIR *directory = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(directory);
        while (readdir(directory))
                n++;
        closedir(directory);
        return n;
}

/* Three times as many as are known; on a kernel that cannot tell them apart, all are 0. */
static void test_each_process_has_a_number_of_its_own(void **state) {
        struct child children[3 * PEER_PROCESSES_MAX];
        uint64_t numbers[3 * PEER_PROCESSES_MAX];
        const size_t n = sizeof children / sizeof children[0];
        unsigned before;

        for (size_t i = 0; i < n; i++)
                children[i] = child_new();
        before = count_descriptors();
        for (size_t i = 0; i < n; i++)
                numbers[i] = find(&children[i]);
        for (size_t round = 0; round < 2; round++)
                for (size_t i = 0; i < n; i++) {
                        assert_int_equal(find(&children[i]), numbers[i]);
                        assert_int_equal(find(&children[i]), numbers[i]);
                        for (size_t k = 0; k < i && numbers[0] > 0; k++)
                                assert_int_not_equal(numbers[k], numbers[i]);
                }
        assert_in_range(count_descriptors(), before, before + PEER_PROCESSES_MAX);
        peer_processes_deinit(&processes);
        assert_int_equal(count_descriptors(), before);
        for (size_t i = 0; i < n; i++) {
                child_end(&children[i]);
                close(children[i].fd);
        }
}

/* As if its pid were another one's now. */
static void test_process_that_has_ended_is_looked_at_again(void **state) {
        struct child one = child_new(), other = child_new();
        uint64_t number = find(&one), found;

        child_end(&one);
        found = peer_processes_find(&processes, other.fd, one.pid);
        if (number > 0)
                assert_int_not_equal(found, number);
        assert_int_equal(found, find(&other));
        child_end(&other);
        close(one.fd);
        close(other.fd);
}

static void test_groups_are_shared_by_those_who_have_the_same(void **state) {
        struct peer_groups *last = NULL;
        struct child child = child_new();
        struct peer peers[3];

        for (size_t i = 0; i < 3; i++) {
                assert_int_equal(peer_read(child.fd, &peers[i]), 0);
                peer_share_groups(&peers[i], &last);
                assert_ptr_equal(peers[i].groups, peers[0].groups);
                assert_int_equal(peers[i].n_groups, peers[0].n_groups);
        }
        if (last)
                assert_int_equal(last->n_peers, 4);
        for (size_t i = 0; i < 3; i++)
                peer_deinit(&peers[i]);
        if (last)
                assert_int_equal(last->n_peers, 1);
        peer_groups_leave(last);
        child_end(&child);
        close(child.fd);
}

static void test_what_is_unread_is_seen_and_stays(void **state) {
        char got[2];
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_false(peer_has_sent(fds[0]));
        assert_int_equal(send(fds[1], "GE", 2, 0), 2);
        assert_true(peer_has_sent(fds[0]));
        assert_false(peer_has_sent(fds[1]));
        close(fds[1]);
        assert_int_equal(read(fds[0], got, 1), 1);
        assert_true(peer_has_sent(fds[0]));
        assert_int_equal(read(fds[0], got, sizeof got), 1);
        assert_false(peer_has_sent(fds[0]));
        close(fds[0]);
        assert_true(peer_has_sent(-1)); /* that cannot be known */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_each_process_has_a_number_of_its_own, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_process_that_has_ended_is_looked_at_again,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(test_groups_are_shared_by_those_who_have_the_same,
                                                setup, teardown),
                cmocka_unit_test(test_what_is_unread_is_seen_and_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
