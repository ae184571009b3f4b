/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/admission.h"
#include "io/server.h"
#include "io/stream.h"

#define HEAD     "HTTP/1.1 200 OK\r\n\r\n"
#define PATIENCE (10 * NSEC_PER_SEC)

static struct server server;
static struct loop *loop;
static int reader = -1, far_end = -1;
static struct connection *connection; /* the stream */
static unsigned n_taken, n_left, n_asked;
static uint64_t deadline;

static const struct buffer *requested(void *user, struct connection *asked,
                                      const struct http1_request *http, struct buffer *out,
                                      uint64_t now) {
        n_asked++;
        connection = asked;
        assert_int_equal(stream_open(asked), 0);
        asked->keep_alive = HTTP1_CLOSED;
        buffer_append_text(out, HEAD);
        return out;
}

static void left(void *user, struct connection *gone) {
        assert_ptr_equal(gone, connection);
        n_left++;
        stream_close(gone);
        connection = NULL;
}

static void taken(void *user, const struct connection *by, uint64_t now) {
        assert_ptr_equal(by, connection);
        n_taken++;
}

/* Turn after turn, until there is as much as a test waits for. */
static const unsigned *awaited;
static unsigned enough, n_turns;

static uint64_t prepare(void *user, uint64_t now) {
        if (*awaited >= enough)
                loop_stop(loop);
        n_turns++;
        assert_true(now < deadline);
        return now + NSEC_PER_MSEC;
}

static void signalled(void *user, int signal, uint64_t now) {
        fail();
}

/* Once in a test: a loop that has ended stays so. */
static void await(const unsigned *what, unsigned n) {
        awaited = what;
        enough = n;
        assert_int_equal(loop_run(loop), 0);
}

/* As io/entrance does. */
static void let_in(int fd) {
        assert_int_equal(admission_prepare(&server), 0);
        admission_open(&server, fd, false, clock_now());
}

/* Somebody has asked, and goes on with BEHIND. */
static void ask(const char *behind) {
        static const char request[] = "GET / HTTP/1.1\r\n\r\n";

        assert_int_equal(send(reader, request, strlen(request), 0), strlen(request));
        assert_int_equal(send(reader, behind, strlen(behind), 0), strlen(behind));
        let_in(far_end);
        assert_non_null(connection);
}

static int setup(void **state) {
        static const int none[] = {0};
        struct loop_owner loop_owner = {NULL, prepare, signalled, NULL};
        struct server_owner owner = {.requested = requested, .left = left, .taken = taken};
        int fds[2], least = 1;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        reader = fds[0];
        far_end = fds[1];
        setsockopt(far_end, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
        n_taken = n_left = n_asked = n_turns = 0;
        connection = NULL;
        deadline = clock_now() + PATIENCE;
        return loop_new(&loop_owner, none, &loop) == 0
                       ? server_start(&server, loop, NULL, 0, 10, &owner)
                       : -1;
}

static int teardown(void **state) {
        server_stop(&server, clock_now());
        loop = loop_free(loop);
        return close(reader);
}

static void send_more(const char *text, uint64_t now) {
        buffer_append_text(&server.answer, text);
        connection_send_more(connection, &server.answer, now);
}

/* What the reader has got since it read last. */
static const char *read_all(void) {
        static char got[1 << 20];
        size_t size = 0;
        ssize_t n;

        while ((n = recv(reader, got + size, sizeof got - 1 - size, MSG_DONTWAIT)) > 0)
                size += (size_t)n;
        got[size] = 0;
        return got;
}

/* Until the socket takes no more. How much was sent. */
static size_t fill(uint64_t now) {
        char text[1001];
        size_t size = 0;

        memset(text, 'x', 1000);
        text[1000] = 0;
        while (connection->exchange->out.size == 0) {
                send_more(text, now);
                size += 1000;
        }
        return size;
}

static void test_what_is_taken_at_once_is_told_so(void **state) {
        ask("");
        assert_string_equal(read_all(), HEAD);
        send_more("one", clock_now());
        assert_int_equal(n_taken, 1);
        assert_string_equal(read_all(), "one");
        send_more("two", clock_now());
        assert_int_equal(n_taken, 2);
        assert_string_equal(read_all(), "two");
        assert_int_equal(connection->exchange->out.capacity, 0);
        assert_int_equal(server.answer.size, 0);
        assert_true(list_is_empty(&server.resting)); /* who is there makes room for others */
}

static void test_what_comes_behind_the_request_is_dropped(void **state) {
        ask("GET /another HTTP/1.1\r\n\r\n");
        assert_int_equal(n_asked, 1);
        assert_int_equal(connection->exchange->in.capacity, 0);
        assert_int_equal(server_deadline(&server), NEVER);
        assert_string_equal(read_all(), HEAD);
}

static void test_who_does_not_read_is_told_no_more_and_cut_off(void **state) {
        uint64_t now = clock_now();
        size_t sent;

        ask("");
        sent = fill(now);
        assert_int_equal(server_deadline(&server), now + CONNECTION_PATIENCE);
        server_expired(&server, now + CONNECTION_PATIENCE - 1);
        assert_int_equal(n_left, 0);
        server_expired(&server, now + CONNECTION_PATIENCE);
        assert_int_equal(n_left, 1);
        assert_int_equal(n_taken, sent / 1000 - 1);
        assert_int_equal(server.crowd.quota.taken[QUOTA_WRITING], 0);
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], 0);
}

static void test_who_reads_again_is_told_more(void **state) {
        uint64_t now = clock_now();
        size_t sent;

        ask("");
        sent = fill(now);
        n_taken = 0;
        assert_int_equal(strlen(read_all()), strlen(HEAD) + sent - connection->exchange->out.size);
        await(&n_taken, 1);
        assert_int_equal(n_left, 0);
        assert_int_equal(server_deadline(&server), NEVER);
        read_all();
        send_more("more", clock_now());
        assert_string_equal(read_all(), "more");
}

/* The head of the answer may not even be taken. */
static void test_what_is_sent_meanwhile_comes_behind(void **state) {
        uint64_t now = clock_now();
        const char *got;

        ask("");
        fill(now);
        read_all(); /* so that there is room, and nobody has noticed yet */
        send_more("the end", now);
        assert_true(connection->exchange->out.size > strlen("the end"));
        n_taken = 0;
        await(&n_taken, 1);
        got = read_all();
        assert_string_equal(got + strlen(got) - strlen("the end"), "the end");
}

static void test_who_leaves_is_noticed(void **state) {
        ask("");
        read_all();
        shutdown(reader, SHUT_RDWR);
        await(&n_left, 1);
        assert_null(connection);
}

/* Which is an error, and is so however much has been said before. */
static void test_who_leaves_with_something_unread_is_noticed(void **state) {
        ask("more");
        connection->watch.ready(&connection->watch, WATCH_READ, clock_now());
        assert_true(connection->is_heard);
        close(reader);
        await(&n_left, 1);
        assert_null(connection);
        reader = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void test_who_only_ends_sending_is_told_on(void **state) {
        ask("");
        shutdown(reader, SHUT_WR);
        await(&n_turns, 3);
        assert_int_equal(n_left, 0);
        read_all();
        send_more("on", clock_now());
        assert_string_equal(read_all(), "on");
}

static void test_stream_makes_no_room_for_others(void **state) {
        const struct server_limits one = {
                .user_connections = 1, .user_waiting = 1, .user_requests_per_second = 1000};
        char answer[1024] = "";
        int fds[2];

        server_limit(&server, &one);
        ask("");
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        let_in(fds[1]);
        assert_true(recv(fds[0], answer, sizeof answer - 1, 0) > 0);
        assert_non_null(strstr(answer, " 429 "));
        assert_int_equal(n_left, 0);
        close(fds[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_what_is_taken_at_once_is_told_so),
                TEST(test_what_comes_behind_the_request_is_dropped),
                TEST(test_who_does_not_read_is_told_no_more_and_cut_off),
                TEST(test_who_reads_again_is_told_more),
                TEST(test_what_is_sent_meanwhile_comes_behind),
                TEST(test_who_leaves_is_noticed),
                TEST(test_who_leaves_with_something_unread_is_noticed),
                TEST(test_who_only_ends_sending_is_told_on),
                TEST(test_stream_makes_no_room_for_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
