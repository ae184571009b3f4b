/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "burden.h"
#include "io/admission.h"
#include "io/server.h"
#include "io/sweeper.h"
#include "threadless.h"

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

/* ---- what one user's connections take, and for how long: no loop runs, and time is made up ----
 */

#define NOW         (1000 * NSEC_PER_SEC)
#define TWO_SECONDS (2 * NSEC_PER_SEC)
#define MIB         ((size_t)1 << 20)
#define CROWD       25 /* one more than have room */
#define UNREAD      24 /* MiB: three quarters of SERVER_BYTES_MAX */

static int crowd[CROWD]; /* their ends */

/* More than a socket holds: what is left takes a buffer of 1 MiB. */
static const struct buffer *requested_much(void *user, struct connection *connection,
                                           const struct http1_request *http, struct buffer *out,
                                           uint64_t now) {
        static char much[MIB];

        buffer_append(out, much, sizeof much);
        return out;
}

static int setup_crowd(void **state) {
        static const int none[] = {0};
        struct loop_owner loop_owner = {NULL, prepare, signalled};
        struct server_owner owner = {.requested = requested_much, .left = left};
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (listener < 0 ||
            bind(listener, (struct sockaddr *)&address, sizeof address.sun_family) < 0 ||
            listen(listener, CROWD) < 0)
                return -1;
        for (size_t i = 0; i < CROWD; i++)
                crowd[i] = -1;
        return loop_new(&loop_owner, none, &loop) == 0
                       ? server_start(&server, loop, &listener, 1, 0, &owner)
                       : -1;
}

static int teardown_crowd(void **state) {
        server_stop(&server, NOW);
        loop = loop_free(loop);
        for (size_t i = 0; i < CROWD; i++)
                close(crowd[i]);
        return close(listener);
}

/* As io/entrance does. */
static void let_in(int fd, bool has_rights) {
        assert_int_equal(admission_prepare(&server), 0);
        admission_open(&server, fd, has_rights, NOW);
}

/* The one of number I connects, having sent TEXT, and is taken in. */
static void come(size_t i, const char *text) {
        struct sockaddr_un address;
        socklen_t size = sizeof address;
        int fd;

        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
        crowd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(crowd[i], (struct sockaddr *)&address, size), 0);
        assert_int_equal(send(crowd[i], text, strlen(text), 0), strlen(text));
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        assert_true(fd >= 0);
        let_in(fd, false);
}

static void assert_taken(uint64_t connections, enum quota_kind kind, uint64_t bytes) {
        const struct quota *quota = &server.crowd.quota;

        assert_int_equal(quota->taken[QUOTA_CONNECTIONS], connections);
        assert_int_equal(quota->taken[kind], bytes);
}

static void assert_cut_off_after_its_patience(uint64_t connections, enum quota_kind kind,
                                              uint64_t bytes) {
        assert_int_equal(server_deadline(&server), NOW + TWO_SECONDS);
        server_expired(&server, NOW + TWO_SECONDS - 1);
        assert_taken(connections, kind, bytes);
        server_expired(&server, NOW + TWO_SECONDS);
        assert_taken(0, kind, 0);
}

static void test_answers_that_are_not_taken_take_so_much_and_so_long(void **state) {
        static const char get[] = "GET / HTTP/1.1\r\n\r\n";

        for (size_t i = 0; i < UNREAD; i++) {
                come(i, get);
                assert_taken(i + 1, QUOTA_WRITING, (i + 1) * MIB);
        }
        come(UNREAD, get);
        assert_taken(UNREAD, QUOTA_WRITING, UNREAD * MIB);
        assert_cut_off_after_its_patience(UNREAD, QUOTA_WRITING, UNREAD * MIB);
}

static void test_request_that_is_not_complete_takes_so_much_and_so_long(void **state) {
        come(0, "GET / HTTP/1.1\r\n");
        assert_cut_off_after_its_patience(1, QUOTA_READING, 256); /* a buffer's least */
}

/* ---- turns ---- */

static const struct buffer *requested_forever(void *user, struct connection *connection,
                                              const struct http1_request *http, struct buffer *out,
                                              uint64_t now) {
        return NULL;
}

static const struct buffer *requested_padded(void *user, struct connection *connection,
                                             const struct http1_request *http, struct buffer *out,
                                             uint64_t now) {
        make_answer(out);
        return out;
}

static void has_left(void *user, struct connection *connection) {
}

static struct connection *connection_in(struct list *list) {
        struct list *link = list_first(list);

        assert_non_null(link);
        return CONTAINER_OF(link, struct connection, link);
}

/* Something has come on CONNECTION, as the loop says, when its user has had its turn. */
static void come_too_late(struct connection *connection) {
        while (quota_has_turn(&connection->user->quota))
                ;
        connection->watch.ready(&connection->watch, WATCH_READ, NOW);
}

/* CONNECTION, whose peer is to be of number 0, is there until its user's turn. */
static void assert_is_closed_in_turn(struct connection *connection) {
        close(crowd[0]);
        crowd[0] = -1;
        come_too_late(connection);
        assert_int_equal(server_turn_at(&server, NOW), NOW);
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], 1);
        server_next_turn(&server, NOW);
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], 0);
        assert_int_equal(server_turn_at(&server, NOW), NEVER);
}

static void test_hang_up_waits_for_its_turn(void **state) {
        come(0, "");
        assert_is_closed_in_turn(connection_in(&server.resting));
}

/* Though that one has been idle for longer. */
static void test_who_has_hung_up_makes_room_before_who_has_not(void **state) {
        struct connection *alive, *dead;
        char byte;

        server_limit(&server, &(struct server_limits){.user_connections = 2,
                                                      .user_requests_per_second = 1000});
        come(0, "");
        alive = connection_in(&server.resting);
        come(1, "");
        dead = CONTAINER_OF(server.resting.previous, struct connection, link);
        assert_ptr_not_equal(alive, dead);
        close(crowd[1]);
        come_too_late(dead);
        come(2, "");
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], 2);
        assert_int_equal(recv(crowd[0], &byte, 1, MSG_DONTWAIT), -1);
        crowd[1] = -1;
}

/* Such bytes stay unread, and would be found again in each turn. */
static void test_bytes_behind_a_request_that_waits_want_no_turn(void **state) {
        server.owner.requested = requested_forever;
        server.owner.left = has_left;
        come(0, "GET / HTTP/1.1\r\n\r\nmore");
        come_too_late(connection_in(&server.parked));
        assert_int_equal(server_turn_at(&server, NOW), NEVER);
        assert_is_closed_in_turn(connection_in(&server.parked));
}

/* Each may have come by itself. */
static void test_bytes_of_no_request_use_up_a_turn(void **state) {
        char bytes[QUOTA_TURN * QUOTA_BYTES + 1] = {0};
        struct connection *connection;

        memset(bytes, 'G', sizeof bytes - 1);
        server_next_turn(&server, NOW);
        come(0, bytes);
        connection = connection_in(&server.hurried);
        assert_false(quota_has_turn(&connection->user->quota));
        server_next_turn(&server, NOW);
        assert_int_equal(send(crowd[0], bytes, sizeof bytes - 1, 0), sizeof bytes - 1);
        connection->watch.ready(&connection->watch, WATCH_READ, NOW);
        assert_false(quota_has_turn(&connection->user->quota));
        server_next_turn(&server, NOW);
        assert_int_equal(send(crowd[0], "G", 1, 0), 1);
        connection->watch.ready(&connection->watch, WATCH_READ, NOW);
        assert_true(quota_has_turn(&connection->user->quota));
}

/* ---- many at once ---- */

#define MANY (2 * QUOTA_TURN + 2)

static int many[MANY]; /* their ends */

static int start_many(void) {
        struct server_owner owner = {.requested = requested_forever, .left = has_left};

        return server_start(&server, loop, NULL, 0, 2 * MANY, &owner);
}

static int setup_many(void **state) {
        static const int none[] = {0};
        struct loop_owner loop_owner = {NULL, prepare, signalled};

        thread_error = 0;
        threads_are_late = false;
        for (size_t i = 0; i < MANY; i++)
                many[i] = -1;
        return loop_new(&loop_owner, none, &loop) == 0 ? start_many() : -1;
}

static void wait_for_the_sweeper(void) {
        struct timespec pause = {.tv_nsec = 1000000};

        deadline = clock_now() + PATIENCE;
        while (sweeper_is_busy()) {
                assert_true(clock_now() < deadline);
                nanosleep(&pause, NULL);
        }
}

static int teardown_many(void **state) {
        thread_error = 0;
        server_stop(&server, NOW);
        wait_for_the_sweeper();
        loop = loop_free(loop);
        for (size_t i = 0; i < MANY; i++)
                close(many[i]);
        return 0;
}

/* The one of number I, having sent TEXT, is taken in. Our end. */
static int take_in(size_t i, const char *text) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        many[i] = fds[1];
        assert_int_equal(send(many[i], text, strlen(text), 0), strlen(text));
        let_in(fds[0], false);
        return fds[0];
}

static bool is_open(int fd) {
        return fcntl(fd, F_GETFD) >= 0;
}

static uint64_t places(void) {
        return server.crowd.quota.taken[QUOTA_CONNECTIONS] + server.departures.n_unpaid;
}

static void test_of_many_who_are_too_slow_some_wait_for_the_next_turn(void **state) {
        for (size_t i = 0; i < MANY; i++) {
                server_next_turn(&server, NOW);
                take_in(i, "GET");
        }
        server_expired(&server, NOW + TWO_SECONDS);
        assert_int_equal(places(), MANY - QUOTA_TURN);
        assert_int_equal(server_deadline(&server), NOW + TWO_SECONDS + 1);
        server_expired(&server, NOW + TWO_SECONDS + 1);
        server_expired(&server, NOW + TWO_SECONDS + 2);
        assert_int_equal(places(), 0);
}

/* As the loop does, a turn: the line, and then who has something to read. */
static void take_a_turn(void) {
        struct list *lists[] = {&server.hurried, &server.resting};

        server_next_turn(&server, NOW);
        for (size_t i = 0; i < 2; i++)
                LIST_FOREACH_SAFE(link, following, lists[i]) {
                        struct connection *connection = CONTAINER_OF(link, struct connection, link);

                        if (connection->watch.what & WATCH_READ && peer_has_sent(connection->fd))
                                connection->watch.ready(&connection->watch, WATCH_READ, NOW);
                }
}

static void begin_many(void) {
        server.owner.requested = requested_padded;
        for (size_t i = 0; i < MANY; i++) {
                server_next_turn(&server, NOW);
                take_in(i, "GET / HTTP/1.1\r\n");
        }
}

/* Each has its turn, in which it reads, though all want theirs at once. */
static void test_many_requests_that_become_complete_at_once_are_answered(void **state) {
        char answer[1024];

        begin_many();
        for (size_t i = 0; i < MANY; i++)
                assert_int_equal(send(many[i], "\r\n", 2, 0), 2);
        for (size_t i = 0; i < 2 * MANY / QUOTA_TURN; i++)
                take_a_turn();
        for (size_t i = 0; i < MANY; i++)
                assert_true(recv(many[i], answer, sizeof answer, MSG_DONTWAIT) > 0);
}

static void test_who_is_too_slow_is_cut_off_though_it_waits_for_its_turn(void **state) {
        begin_many();
        for (size_t i = 0; i < MANY; i++)
                assert_int_equal(send(many[i], "G", 1, 0), 1);
        take_a_turn();
        assert_int_equal(server_turn_at(&server, NOW), NOW);
        for (size_t i = 0; i <= MANY / QUOTA_TURN; i++)
                server_expired(&server, NOW + TWO_SECONDS + i);
        assert_true(list_is_empty(&server.hurried));
        assert_int_equal(server_turn_at(&server, NOW), NEVER);
}

/* It is longer than what is read at once, and nobody has looked at it before. */
static void test_request_that_has_arrived_is_answered_at_the_end(void **state) {
        char text[3 * CONNECTION_READ] = "GET / HTTP/1.1\r\nPadding: ";
        char answer[1024] = {0};

        memset(text + strlen(text), 'x', sizeof text - strlen(text));
        memcpy(text + sizeof text - 5, "\r\n\r\n", 5);
        server.owner.requested = requested_padded;
        take_in(0, "");
        assert_int_equal(send(many[0], text, sizeof text - 1, 0), sizeof text - 1);
        server_stop(&server, NOW);
        assert_true(recv(many[0], answer, sizeof answer - 1, 0) > 0);
        assert_non_null(strstr(answer, TOKEN));
        assert_int_equal(start_many(), 0);
}

#define HALF   (HTTP1_HEAD_MAX + 1)
#define WHOLE  (HTTP1_HEAD_MAX + HTTP1_BODY_MAX) /* what a buffer for it takes */
#define HALVES (UNREAD * MIB / WHOLE)

/* The peer, with half a request, of which all has been read, if there is room. */
static int come_with_half(void) {
        char text[HALF + 1] = "POST / HTTP/1.1\r\nContent-Length: 8192\r\n\r\n";
        struct connection *connection;
        int fds[2];

        memset(text + strlen(text), 'a', HALF - strlen(text));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        let_in(fds[0], false);
        connection = CONTAINER_OF(server.resting.previous, struct connection, link);
        assert_int_equal(send(fds[1], text, HALF, 0), HALF);
        while (is_open(fds[0]) && peer_has_sent(fds[0]) && server.departures.n == 0) {
                server_next_turn(&server, NOW);
                connection->watch.ready(&connection->watch, WATCH_READ, NOW);
        }
        return fds[1];
}

static void test_requests_that_are_not_complete_take_so_much_memory_and_not_more(void **state) {
        static int halves[HALVES + 1];
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        server.n_max = 2 * HALVES;
        server_limit(&server, &(struct server_limits){.user_connections = 2 * HALVES,
                                                      .user_requests_per_second = 1000});
        for (size_t i = 0; i < HALVES; i++)
                halves[i] = come_with_half();
        assert_taken(HALVES, QUOTA_READING, UNREAD * MIB);
        halves[HALVES] = come_with_half();
        assert_in_range(server.crowd.quota.taken[QUOTA_READING], UNREAD * MIB - WHOLE,
                        UNREAD * MIB);
        assert_int_equal(server.departures.n, 1);
        for (size_t i = 0; i <= HALVES; i++)
                close(halves[i]);
}

static void test_all_requests_that_have_arrived_are_answered_at_the_end(void **state) {
        static const char get[] =
                "GET / HTTP/1.1\r\nPadding: "
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                "\r\n\r\n";
        char answers[4096] = {0};
        size_t n = 0;

        server.owner.requested = requested_padded;
        take_in(0, "");
        for (size_t i = 0; i < 16; i++)
                assert_int_equal(send(many[0], get, sizeof get - 1, 0), sizeof get - 1);
        server_stop(&server, NOW);
        assert_true(recv(many[0], answers, sizeof answers - 1, 0) > 0);
        for (const char *at = answers; (at = strstr(at, TOKEN)); at++)
                n++;
        assert_int_equal(n, 16);
        assert_int_equal(start_many(), 0);
}

/* Its user has left, and come in again. */
static void test_who_made_room_for_itself_is_not_absent(void **state) {
        const struct crowd_user *user;

        server_limit(&server, &(struct server_limits){.user_connections = 1,
                                                      .user_requests_per_second = 1000});
        take_in(0, "");
        take_in(1, "");
        user = connection_in(&server.resting)->user;
        assert_int_equal(places(), 1);
        assert_false(list_is_linked(&user->by_absence));
}

/* ---- what is left unread: the sweeper's thread runs ---- */

/* The one of number I waits, has sent more, and leaves. Our end. */
static int leave_litter(size_t i) {
        int fd = take_in(i, "GET / HTTP/1.1\r\n\r\n");
        struct list *link = server.parked.previous;

        assert_int_equal(send(many[i], "G", 1, 0), 1);
        connection_close(CONTAINER_OF(link, struct connection, link));
        return fd;
}

/* It is told at once, and keeps its place until then. */
static void test_who_leaves_something_unread_is_closed_by_another_thread(void **state) {
        char byte;
        int fd = leave_litter(0);

        assert_int_equal(recv(many[0], &byte, 1, MSG_DONTWAIT), 0);
        assert_true(is_open(fd));
        assert_in_range(server_deadline(&server), 0, NOW);
        server_expired(&server, NOW);
        wait_for_the_sweeper();
        assert_false(is_open(fd));
        assert_int_equal(places(), 1);
        assert_int_equal(server_deadline(&server), NOW + 10 * NSEC_PER_MSEC);
        server_expired(&server, NOW + 10 * NSEC_PER_MSEC);
        assert_int_equal(places(), 0);
        assert_int_equal(server_deadline(&server), NEVER);
}

static void test_who_leaves_nothing_unread_is_closed_at_once(void **state) {
        int fd = take_in(0, "");

        connection_close(connection_in(&server.resting));
        assert_false(is_open(fd));
        assert_int_equal(server_deadline(&server), NEVER);
}

static void test_without_a_thread_it_is_closed_here(void **state) {
        int fd = leave_litter(0);

        thread_error = EAGAIN;
        server_expired(&server, NOW);
        assert_false(is_open(fd));
        assert_int_equal(places(), 0);
        assert_int_equal(server_deadline(&server), NEVER);
}

/* An eighth of all places. */
static void test_of_nobodys_too_many_are_closed_here(void **state) {
        size_t most = server.n_max / DEPARTURES_UNPAID;

        server_limit(&server, &(struct server_limits){.user_connections = 0});
        for (size_t i = 0; i < most; i++)
                assert_true(is_open(take_in(i, "G")));
        assert_false(is_open(take_in(most, "G")));
        assert_int_equal(places(), most);
        server_expired(&server, NOW);
        wait_for_the_sweeper();
        server_expired(&server, NOW + 10 * NSEC_PER_MSEC);
        assert_int_equal(places(), 0);
}

/* Its descriptors are nobody else's until it is done. */
static void test_who_leaves_while_the_sweeper_is_busy_waits_for_it(void **state) {
        int fds[2] = {leave_litter(0)};

        threads_are_late = true;
        server_expired(&server, NOW);
        fds[1] = leave_litter(1);
        server_expired(&server, NOW + 10 * NSEC_PER_MSEC);
        assert_int_equal(places(), 2);
        assert_true(is_open(fds[0]));
        assert_true(late_thread_runs());
        assert_false(is_open(fds[0]));
        assert_true(is_open(fds[1]));
        threads_are_late = true;
        server_expired(&server, NOW + 20 * NSEC_PER_MSEC);
        assert_int_equal(places(), 1);
        assert_true(late_thread_runs());
        assert_false(is_open(fds[1]));
}

/* What it has not yet got is closed when the process ends. */
static void test_what_is_swept_at_the_end_is_the_sweepers(void **state) {
        int fds[2] = {leave_litter(0)};

        threads_are_late = true;
        server_expired(&server, NOW);
        fds[1] = leave_litter(1);
        server_stop(&server, NOW);
        assert_true(is_open(fds[0]));
        assert_true(late_thread_runs());
        assert_false(is_open(fds[0]));
        close(fds[1]);
        assert_int_equal(start_many(), 0);
}

/* A turn's worth at a time. */
static void test_of_many_without_a_thread_some_are_closed_later(void **state) {
        for (size_t i = 0; i < MANY; i++)
                leave_litter(i);
        thread_error = EAGAIN;
        server_expired(&server, NOW);
        assert_int_equal(places(), MANY - QUOTA_TURN);
        server_expired(&server, NOW + 10 * NSEC_PER_MSEC);
        server_expired(&server, NOW + 20 * NSEC_PER_MSEC);
        assert_int_equal(places(), 0);
}

/* ---- rights: who drops the burden that is passed here waits for an hour, so each test that ends
 * has left that to others ---- */

#define BURDEN_PATIENCE 10000 /* ms */

static int theirs = -1; /* the end of who has passed it */
static int reader = -1; /* who would take off what the burden has sent */

static int setup_again(void) {
        struct server_owner owner = {.requested = requested_forever, .left = has_left};

        return server_start(&server, loop, NULL, 0, 10, &owner);
}

static int setup_burden(void **state) {
        static const int none[] = {0};
        struct loop_owner loop_owner = {NULL, prepare, signalled};

        return loop_new(&loop_owner, none, &loop) == 0 ? setup_again() : -1;
}

static int teardown_burden(void **state) {
        server_stop(&server, NOW);
        loop = loop_free(loop);
        close(reader);
        return close(theirs);
}

/* The other end. */
static int connect_pair(void) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        theirs = fds[1];
        return fds[0];
}

static void pass_burden(const char *text) {
        int burden = burden_open(&reader);

        assert_true(burden >= 0);
        assert_int_equal(burden_send(theirs, text, &burden, 1, 0), strlen(text));
        close(burden);
}

/* Says TEXT first, and the burden comes later. */
static void come_saying(const char *text) {
        int fd = connect_pair();

        assert_int_equal(send(theirs, text, strlen(text), 0), strlen(text));
        let_in(fd, true);
        pass_burden("GET ");
}

static void come_burdened(void) {
        int fd = connect_pair();

        pass_burden("GET / HTTP/1.1\r\n\r\n");
        let_in(fd, true);
}

/* It ends the connection. */
static void assert_told(const char *text) {
        char answer[1024] = {0};

        assert_true(recv(theirs, answer, sizeof answer - 1, 0) > 0);
        assert_non_null(strstr(answer, text));
}

/* Until then it has its place. */
static void assert_burden_is_dropped_soon(void) {
        assert_int_equal(places(), 1);
        assert_in_range(server_deadline(&server), 0, NOW);
        server_expired(&server, NOW);
        assert_int_equal(places(), 0);
        assert_int_equal(server_deadline(&server), NEVER);
        assert_true(burden_read_to_end(theirs, BURDEN_PATIENCE));
        assert_true(burden_read_to_end(reader, BURDEN_PATIENCE));
}

static void test_request_with_a_burden_is_refused(void **state) {
        come_burdened();
        assert_told("400 ");
        assert_burden_is_dropped_soon();
}

static void test_request_is_refused_when_its_burden_comes(void **state) {
        struct watch *watch;

        come_saying("GET / HTTP/1.1\r\n");
        watch = &connection_in(&server.hurried)->watch;
        watch->ready(watch, WATCH_READ, NOW);
        assert_told("descriptors");
        assert_burden_is_dropped_soon();
}

static void test_burden_behind_a_request_that_waits(void **state) {
        come_saying("GET / HTTP/1.1\r\n\r\n");
        connection_close(connection_in(&server.parked));
        assert_burden_is_dropped_soon();
}

/* Such as the closer's thread may have: else they would keep it open for the peer. */
static void test_who_has_shut_down_is_told_though_there_are_copies(void **state) {
        int fd = connect_pair(), copy = dup(fd);
        char byte;

        assert_true(copy >= 0);
        shutdown(theirs, SHUT_WR);
        let_in(fd, true);
        assert_int_equal(places(), 0);
        assert_int_equal(recv(theirs, &byte, 1, MSG_DONTWAIT), 0);
        close(copy);
}

static void test_burden_of_who_does_not_read(void **state) {
        server.owner.requested = requested_much;
        come_saying("GET / HTTP/1.1\r\n\r\n");
        server_expired(&server, NOW + TWO_SECONDS);
        assert_int_equal(places(), 0);
        assert_true(burden_read_to_end(reader, BURDEN_PATIENCE));
}

static void test_burden_of_who_has_too_many_connections(void **state) {
        server_limit(&server, &(struct server_limits){.user_connections = 0});
        come_burdened();
        assert_told("429 ");
        assert_burden_is_dropped_soon();
}

/* It keeps its place, and is tried again. */
static void test_burden_that_no_thread_can_drop_waits_for_one(void **state) {
        come_burdened();
        thread_error = EAGAIN;
        server_expired(&server, NOW);
        assert_int_equal(places(), 1);
        assert_int_equal(server_deadline(&server), NOW + 100 * NSEC_PER_MSEC);
        server_expired(&server, NOW + 100 * NSEC_PER_MSEC - 1);
        assert_int_equal(places(), 1);
        thread_error = 0;
        server_expired(&server, NOW + 100 * NSEC_PER_MSEC);
        assert_int_equal(places(), 0);
        assert_true(burden_read_to_end(reader, BURDEN_PATIENCE));
}

static void test_those_who_leave_later_wait_for_a_moment(void **state) {
        come_burdened();
        assert_burden_is_dropped_soon();
        close(theirs);
        close(reader);
        come_burdened();
        assert_int_equal(server_deadline(&server), NOW + 10 * NSEC_PER_MSEC);
        server_expired(&server, NOW + 10 * NSEC_PER_MSEC - 1);
        assert_int_equal(places(), 1);
        server_expired(&server, NOW + 10 * NSEC_PER_MSEC);
        assert_int_equal(places(), 0);
}

static void test_burden_of_nobody_takes_a_place_too(void **state) {
        server_limit(&server, &(struct server_limits){.user_connections = 0});
        come_burdened();
        assert_int_equal(server.crowd.quota.taken[QUOTA_CONNECTIONS], 0);
        assert_int_equal(server.departures.n_unpaid, 1);
        server_expired(&server, NOW);
        assert_int_equal(server.departures.n_unpaid, 0);
}

/* As the server ends. */
static void test_burden_is_dropped_at_the_end(void **state) {
        come_saying("GET / HTTP/1.1\r\n\r\n");
        server_stop(&server, NOW);
        assert_true(burden_read_to_end(reader, BURDEN_PATIENCE));
        assert_int_equal(setup_again(), 0);
}

static void test_end_does_not_wait_for_a_burden_that_no_thread_can_drop(void **state) {
        come_saying("GET / HTTP/1.1\r\n\r\n");
        thread_error = EAGAIN;
        server_stop(&server, NOW);
        thread_error = 0;
        assert_int_equal(setup_again(), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                        test_answers_that_are_not_taken_take_so_much_and_so_long, setup_crowd,
                        teardown_crowd),
                cmocka_unit_test_setup_teardown(
                        test_request_that_is_not_complete_takes_so_much_and_so_long, setup_crowd,
                        teardown_crowd),
                cmocka_unit_test_setup_teardown(test_answer_is_wiped_as_soon_as_it_is_sent, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_answer_to_who_waited_is_wiped_as_soon_as_it_is_sent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_request_is_wiped_as_soon_as_it_is_taken, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        test_request_that_waits_is_wiped_as_soon_as_it_is_taken, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hang_up_waits_for_its_turn, setup_crowd,
                                                teardown_crowd),
                cmocka_unit_test_setup_teardown(test_who_has_hung_up_makes_room_before_who_has_not,
                                                setup_crowd, teardown_crowd),
                cmocka_unit_test_setup_teardown(test_bytes_behind_a_request_that_waits_want_no_turn,
                                                setup_crowd, teardown_crowd),
                cmocka_unit_test_setup_teardown(test_bytes_of_no_request_use_up_a_turn, setup_crowd,
                                                teardown_crowd),
                cmocka_unit_test_setup_teardown(
                        test_of_many_who_are_too_slow_some_wait_for_the_next_turn, setup_many,
                        teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_request_that_has_arrived_is_answered_at_the_end, setup_many,
                        teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_who_leaves_something_unread_is_closed_by_another_thread, setup_many,
                        teardown_many),
                cmocka_unit_test_setup_teardown(test_who_leaves_nothing_unread_is_closed_at_once,
                                                setup_many, teardown_many),
                cmocka_unit_test_setup_teardown(test_without_a_thread_it_is_closed_here, setup_many,
                                                teardown_many),
                cmocka_unit_test_setup_teardown(test_of_nobodys_too_many_are_closed_here,
                                                setup_many, teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_many_requests_that_become_complete_at_once_are_answered, setup_many,
                        teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_who_is_too_slow_is_cut_off_though_it_waits_for_its_turn, setup_many,
                        teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_requests_that_are_not_complete_take_so_much_memory_and_not_more,
                        setup_many, teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_all_requests_that_have_arrived_are_answered_at_the_end, setup_many,
                        teardown_many),
                cmocka_unit_test_setup_teardown(test_who_made_room_for_itself_is_not_absent,
                                                setup_many, teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_who_leaves_while_the_sweeper_is_busy_waits_for_it, setup_many,
                        teardown_many),
                cmocka_unit_test_setup_teardown(test_what_is_swept_at_the_end_is_the_sweepers,
                                                setup_many, teardown_many),
                cmocka_unit_test_setup_teardown(test_of_many_without_a_thread_some_are_closed_later,
                                                setup_many, teardown_many),
                cmocka_unit_test_setup_teardown(
                        test_who_has_shut_down_is_told_though_there_are_copies, setup_burden,
                        teardown_burden),
                cmocka_unit_test_setup_teardown(test_request_with_a_burden_is_refused, setup_burden,
                                                teardown_burden),
                cmocka_unit_test_setup_teardown(test_request_is_refused_when_its_burden_comes,
                                                setup_burden, teardown_burden),
                cmocka_unit_test_setup_teardown(test_burden_behind_a_request_that_waits,
                                                setup_burden, teardown_burden),
                cmocka_unit_test_setup_teardown(test_burden_of_who_has_too_many_connections,
                                                setup_burden, teardown_burden),
                cmocka_unit_test_setup_teardown(test_burden_of_who_does_not_read, setup_burden,
                                                teardown_burden),
                cmocka_unit_test_setup_teardown(test_burden_that_no_thread_can_drop_waits_for_one,
                                                setup_burden, teardown_burden),
                cmocka_unit_test_setup_teardown(test_burden_of_nobody_takes_a_place_too,
                                                setup_burden, teardown_burden),
                cmocka_unit_test_setup_teardown(test_burden_is_dropped_at_the_end, setup_burden,
                                                teardown_burden),
                cmocka_unit_test_setup_teardown(
                        test_end_does_not_wait_for_a_burden_that_no_thread_can_drop, setup_burden,
                        teardown_burden),
                cmocka_unit_test_setup_teardown(test_those_who_leave_later_wait_for_a_moment,
                                                setup_burden, teardown_burden),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
