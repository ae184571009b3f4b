/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/server.h"

#define TOKEN    "a-token-that-nobody-may-find-later"
#define SECRET   "a-secret-that-a-worker-sent-along"
#define PATIENCE (10 * NSEC_PER_SEC)

static const char request[] = "POST /oauth2/v1/token HTTP/1.1\r\n"
                              "Authorization: Basic " SECRET "\r\n"
                              "Content-Length: 0\r\n\r\n";

static struct server server;
static struct loop *loop;
static int listener = -1, worker = -1;
static bool answers_later;
static struct connection *asked; /* who waits */
static char *answer_memory;      /* where the answer stood */
static char got[1024];           /* by the worker */
static uint64_t deadline;

static void make_answer(struct buffer *out) {
        buffer_append_text(out, "HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n" TOKEN);
        answer_memory = out->data;
}

static const struct buffer *requested(void *user, struct connection *connection,
                                      const struct http1_request *http, struct buffer *out,
                                      uint64_t now) {
        assert_non_null(memmem(server.scratch, sizeof server.scratch, SECRET, strlen(SECRET)));
        asked = connection;
        if (answers_later)
                return NULL;
        make_answer(out);
        return out;
}

static void left(void *user, struct connection *connection) {
        fail();
}

/* Until the worker has got something. */
static uint64_t prepare(void *user, uint64_t now) {
        if (answers_later && asked && asked->waits) {
                make_answer(&server.answer);
                connection_answer(asked, &server.answer, now);
        }
        if (recv(worker, got, sizeof got - 1, MSG_DONTWAIT) > 0)
                loop_stop(loop);
        assert_true(now < deadline);
        return now + NSEC_PER_MSEC;
}

static void signalled(void *user, int signal, uint64_t now) {
        fail();
}

static int setup(void **state) {
        static const int none[] = {0};
        struct loop_owner loop_owner = {NULL, prepare, signalled};
        struct server_owner owner = {.requested = requested, .left = left};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t size = sizeof address.sun_family;

        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        worker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        /* The kernel chooses an abstract address (unix(7)). */
        if (listener < 0 || worker < 0 || bind(listener, (struct sockaddr *)&address, size) < 0)
                return -1;
        size = sizeof address;
        if (getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
            listen(listener, 1) < 0 || connect(worker, (struct sockaddr *)&address, size) < 0)
                return -1;
        asked = NULL;
        memset(got, 0, sizeof got);
        deadline = clock_now() + PATIENCE;
        return loop_new(&loop_owner, none, &loop) == 0
                       ? server_start(&server, loop, &listener, 1, 0, &owner)
                       : -1;
}

static int teardown(void **state) {
        server_stop(&server, clock_now());
        loop = loop_free(loop);
        close(worker);
        return close(listener);
}

static void ask(void) {
        assert_int_equal(send(worker, request, sizeof request - 1, 0), sizeof request - 1);
        assert_int_equal(loop_run(loop), 0);
        assert_non_null(strstr(got, TOKEN));
}

static bool is_zero(const char *data, size_t size) {
        return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

static void test_answer_is_wiped_as_soon_as_it_is_sent(void **state) {
        answers_later = false;
        ask();
        assert_ptr_equal(server.answer.data, answer_memory);
        assert_int_equal(server.answer.size, 0);
        assert_true(is_zero(server.answer.data, strlen(got)));
}

static void test_answer_to_who_waited_is_wiped_as_soon_as_it_is_sent(void **state) {
        answers_later = true;
        ask();
        assert_ptr_equal(server.answer.data, answer_memory);
        assert_int_equal(server.answer.size, 0);
        assert_true(is_zero(server.answer.data, strlen(got)));
}

static void test_request_is_wiped_as_soon_as_it_is_taken(void **state) {
        answers_later = false;
        ask();
        assert_true(is_zero(server.scratch, sizeof server.scratch));
}

static void test_request_that_waits_is_wiped_as_soon_as_it_is_taken(void **state) {
        answers_later = true;
        ask();
        assert_true(is_zero(server.scratch, sizeof server.scratch));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_answer_is_wiped_as_soon_as_it_is_sent, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_answer_to_who_waited_is_wiped_as_soon_as_it_is_sent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_request_is_wiped_as_soon_as_it_is_taken, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_request_that_waits_is_wiped_as_soon_as_it_is_taken, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
