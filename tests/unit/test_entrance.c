/* SPDX-License-Identifier: MIT */
/* No loop runs, and time is made up; but the queue is the kernel's. How many can wait in it is seen
 * by filling it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "burden.h"
#include "core/rush.h"
#include "io/admission.h"
#include "io/rights.h"
#include "io/server.h"
#include "threadless.h"

#define NOW     (1000 * NSEC_PER_SEC)
#define ALONE   16 /* come in one by one; after them: */
#define AT_ONCE RUSH_GO
#define A_RUSH  (ALONE + 513 * AT_ONCE)

static struct server server;
static struct loop *loop;
static int listener = -1;
static struct sockaddr_un address;
static socklen_t address_size;
static unsigned most; /* that the kernel lets wait */
static unsigned few;  /* in a rush */

static const struct buffer *requested(void *user, struct connection *connection,
                                      const struct http1_request *http, struct buffer *out,
                                      uint64_t now) {
        fail();
        return NULL;
}

static void left(void *user, struct connection *connection) {
        fail();
}

static uint64_t prepare(void *user, uint64_t now) {
        fail();
        return NEVER;
}

static void signalled(void *user, int signal, uint64_t now) {
        fail();
}

static int read_most(void) {
        FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
        int n = file ? fscanf(file, "%u", &most) : 0;

        if (file)
                fclose(file);
        few = most < RUSH_ROOM ? most : RUSH_ROOM;
        return n == 1 ? 0 : -1;
}

/* Its queue is that of an earlier life that ended in a rush, or worse. */
static int setup(void **state) {
        static const int none[] = {0};
        struct loop_owner loop_owner = {NULL, prepare, signalled};
        struct server_owner owner = {.requested = requested, .left = left};

        address = (struct sockaddr_un){.sun_family = AF_UNIX};
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        address_size = sizeof address;
        /* The kernel chooses an abstract address (unix(7)). */
        if (listener < 0 ||
            bind(listener, (struct sockaddr *)&address, sizeof address.sun_family) < 0 ||
            getsockname(listener, (struct sockaddr *)&address, &address_size) < 0 ||
            listen(listener, 1) < 0 || read_most() < 0)
                return -1;
        return loop_new(&loop_owner, none, &loop) == 0
                       ? server_start(&server, loop, &listener, 1, 0, &owner)
                       : -1;
}

static int teardown(void **state) {
        server_stop(&server, NOW);
        loop = loop_free(loop);
        return close(listener);
}

/* A descriptor; -1: there is no room. */
static int come(void) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        if (connect(fd, (struct sockaddr *)&address, address_size) == 0)
                return fd;
        assert_int_equal(errno, EAGAIN);
        close(fd);
        return -1;
}

/* N come, if there is room, and leave: they wait all the same. How many. */
static unsigned visit(unsigned n) {
        unsigned came;

        for (came = 0; came < n; came++) {
                int fd = come();

                if (fd < 0)
                        break;
                close(fd);
        }
        return came;
}

static void clear_queue(void) {
        int fd;

        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
                close(fd);
        assert_int_equal(errno, EAGAIN);
}

/* There is one place more than listen(2) was told. */
static void assert_room(unsigned room) {
        clear_queue();
        assert_int_equal(visit(most + 2), room + 1);
        clear_queue();
}

/* Somebody waits, as the loop has said; in the same turn as before. */
static void let_more_in(void) {
        struct watch *watch = &server.entrances[0].watch;

        watch->ready(watch, WATCH_READ, NOW);
}

static void let_in(void) {
        server_next_turn(&server, NOW);
        let_more_in();
}

/* Until so many have come in, somebody waits all the time. */
static void rush(uint64_t n) {
        visit(2 * AT_ONCE);
        while (server.n_accepted < n) {
                visit(AT_ONCE);
                let_in();
        }
}

static void test_many_can_wait_whatever_an_earlier_life_has_left(void **state) {
        assert_room(most);
}

static void test_in_a_rush_few_can_wait_until_it_has_ended(void **state) {
        uint64_t end;

        rush(A_RUSH - AT_ONCE);
        assert_int_equal(server_deadline(&server), NEVER);
        rush(A_RUSH);
        assert_room(few);
        end = server_deadline(&server);
        assert_in_range(end, NOW + 1, NEVER - 1);
        server_expired(&server, end - 1);
        assert_room(few);
        server_expired(&server, end);
        assert_room(most);
        assert_int_equal(server_deadline(&server), NEVER);
}

static void test_those_who_come_one_by_one_are_no_rush(void **state) {
        for (unsigned i = 0; i < A_RUSH; i++) {
                assert_int_equal(visit(1), 1);
                let_in();
        }
        assert_int_equal(server.n_accepted, A_RUSH);
        assert_int_equal(server_deadline(&server), NEVER);
        assert_room(most);
}

static void test_server_that_ends_in_a_rush_leaves_room_for_many(void **state) {
        rush(A_RUSH);
        server_shut(&server);
        assert_room(most);
}

/* Systemd's, before any bearerd. */
static int setup_rights(void **state) {
        int r = setup(state);

        server_stop(&server, NOW);
        (void)setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &(int){1}, sizeof(int));
        return r;
}

/* Who has come before may have rights in the queue; who comes later cannot, where the kernel can
 * refuse them (Linux 6.16). */
static void test_rights_are_refused_when_nobody_has_come_before(void **state) {
        struct server_owner owner = {.requested = requested, .left = left};
        int fd = come(), later, passes_rights = 0;
        socklen_t size = sizeof passes_rights;
        bool knows = getsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &passes_rights, &size) == 0;

        assert_int_equal(burden_send(fd, "G", &listener, 1, 0), 1);
        assert_int_equal(server_start(&server, loop, &listener, 1, 0, &owner), 0);
        assert_true(server.entrances[0].has_rights);
        later = come();
        let_in();
        assert_true(server.entrances[0].has_rights);
        let_in();
        assert_int_equal(server.entrances[0].has_rights, !knows);
        assert_int_equal(burden_send(later, "G", &listener, 1, 0), knows ? -1 : 1);
        close(fd);
        close(later);
}

#define N_MAX 16
#define MOST  (N_MAX / DEPARTURES_UNPAID)

/* N of a user who may have none, on which rights may be left, are to be closed. */
static void turn_away(unsigned n) {
        static const struct server_limits none = {.user_requests_per_second = 1};
        static const struct server_limits many = {.user_connections = N_MAX,
                                                  .user_requests_per_second = 1};

        server.n_max = N_MAX;
        server_limit(&server, &none);
        for (unsigned i = 0; i < n; i++) {
                int fd = come();

                assert_int_equal(send(fd, "G", 1, 0), 1);
                assert_int_equal(admission_prepare(&server), 0);
                admission_open(&server, accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC),
                               true, NOW);
                close(fd);
        }
        server_limit(&server, &many);
}

static void test_too_many_that_are_to_be_closed_are_closed_before_somebody_comes_in(void **state) {
        int fd;

        turn_away(MOST + 1);
        assert_int_equal(server.departures.n_unpaid, MOST + 1);
        fd = come();
        let_in();
        assert_int_equal(server.n_accepted, 1);
        assert_int_equal(server.departures.n_unpaid, 0);
        close(fd);
}

static void test_nobody_comes_in_or_has_to_go_while_too_many_cannot_be_closed(void **state) {
        int fds[2];

        thread_error = EAGAIN;
        turn_away(MOST);
        fds[0] = come();
        assert_int_equal(send(fds[0], "G", 1, 0), 1); /* nor is it idle, which could make room */
        let_in();
        assert_int_equal(server.n_accepted, 1);
        turn_away(1);
        fds[1] = come();
        let_in();
        thread_error = 0;
        assert_int_equal(server.n_accepted, 1);
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], 1);
        assert_int_equal(server_deadline(&server), NOW + 100 * NSEC_PER_MSEC);
        close(fds[0]);
        close(fds[1]);
}

/* Many come in one turn, as at two sockets: all but QUOTA_TURN of them would have to wait for
 * another one of their user. */
static void let_in_at_once(void) {
        while (server.n_accepted < ALONE)
                let_in();
        let_in();
        let_more_in();
        assert_int_equal(server.n_accepted, ALONE + 2 * AT_ONCE);
}

static void test_who_has_left_before_its_turn_has_no_place(void **state) {
        visit(ALONE + 2 * AT_ONCE);
        let_in_at_once();
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], 0);
}

static void test_who_stays_has_a_place_before_its_turn(void **state) {
        int fds[ALONE + 2 * AT_ONCE];

        for (unsigned i = 0; i < ALONE + 2 * AT_ONCE; i++)
                fds[i] = come();
        let_in_at_once();
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], ALONE + 2 * AT_ONCE);
        for (unsigned i = 0; i < ALONE + 2 * AT_ONCE; i++)
                close(fds[i]);
}

/* One by one they would wait for as many turns, which are long then. */
static void test_while_others_take_their_turns_many_come_in_at_once(void **state) {
        struct connection *connection;
        int fd = come();

        let_in();
        connection = CONTAINER_OF(list_first(&server.resting), struct connection, link);
        while (quota_has_turn(&connection->user->quota))
                ;
        connection->watch.ready(&connection->watch, WATCH_READ, NOW);
        visit(AT_ONCE);
        let_more_in();
        assert_int_equal(server.n_accepted, 1 + AT_ONCE);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_many_can_wait_whatever_an_earlier_life_has_left, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_a_rush_few_can_wait_until_it_has_ended,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(test_those_who_come_one_by_one_are_no_rush, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_server_that_ends_in_a_rush_leaves_room_for_many, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_while_others_take_their_turns_many_come_in_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rights_are_refused_when_nobody_has_come_before,
                                                setup_rights, teardown),
                cmocka_unit_test_setup_teardown(test_who_has_left_before_its_turn_has_no_place,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(test_who_stays_has_a_place_before_its_turn, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_too_many_that_are_to_be_closed_are_closed_before_somebody_comes_in,
                        setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_nobody_comes_in_or_has_to_go_while_too_many_cannot_be_closed, setup,
                        teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
