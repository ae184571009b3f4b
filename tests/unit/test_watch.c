/* SPDX-License-Identifier: MIT */
/* bearer_fd() and bearer_dispatch(), through bearer.h alone: neither ever blocks, so that the test
 * is the peer at the other end of the socket, too. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bearer.h"

#define SLACK_MS 5000 /* of a busy machine */

#define HEAD     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n"
#define DATA(name, generation)                                                                     \
        "{\"name\":\"" name "\",\"generation\":" generation                                        \
        ",\"expires_at\":1790000000,\"expires_in\":3600}"
#define EVENT(generation)                                                                          \
        "id: " generation "\nevent: token\ndata: " DATA("athena", generation) "\n\n"
#define GONE(generation)                                                                           \
        "event: gone\ndata: {\"name\":\"athena\",\"generation\":" generation "}\n\n"

static char directory[] = "/tmp/libbearer-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int listener = -1;
static struct bearer *bearer;
static int fd = -1;

/* ---- the peer ---- */

static void listen_anew(void) {
        unlink(address.sun_path);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof address), errno);
        assert_return_code(listen(listener, 8), errno);
}

/* Somebody has connected, and asked for TARGET. */
static int accept_one(const char *target) {
        char request[1024] = "", expected[256];
        struct pollfd pollfd = {listener, POLLIN, 0};
        int peer;

        assert_int_equal(poll(&pollfd, 1, SLACK_MS), 1);
        peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_return_code(peer, errno);
        assert_true(recv(peer, request, sizeof request - 1, 0) > 0);
        snprintf(expected, sizeof expected,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n", target);
        assert_string_equal(request, expected);
        return peer;
}

static void say(int peer, const char *text) {
        assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* ---- who follows ---- */

static bool is_readable(int descriptor, int timeout_ms) {
        struct pollfd pollfd = {descriptor, POLLIN, 0};

        return poll(&pollfd, 1, timeout_ms) == 1;
}

static uint64_t now_ms(void) {
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One step. 0: nothing new. */
static int step(const char *name, uint64_t *ret_generation) {
        uint64_t began = now_ms();
        int r;

        *ret_generation = 0;
        r = bearer_dispatch(bearer, name, ret_generation);
        assert_true(now_ms() - began < 500);
        return r;
}

/* Steps whenever it is readable, until that is not so for a while. */
static void settle(const char *name) {
        uint64_t generation;

        for (int i = 0; i < 10 && is_readable(fd, 10); i++) {
                assert_int_equal(step(name, &generation), 0);
                assert_int_equal(generation, 0);
        }
        assert_false(is_readable(fd, 10));
}

/* The next thing that is told, within SLACK_MS: its result; 0: a generation. */
static int next(const char *name, uint64_t *ret_generation) {
        for (uint64_t end = now_ms() + SLACK_MS; now_ms() < end;) {
                int r;

                if (!is_readable(fd, SLACK_MS))
                        break;
                r = step(name, ret_generation);
                if (r != 0 || *ret_generation > 0)
                        return r;
        }
        fail_msg("nothing was told");
        return 0;
}

static void assert_told(const char *name, uint64_t generation) {
        uint64_t told;

        assert_int_equal(next(name, &told), 0);
        assert_int_equal(told, generation);
}

static void assert_result(const char *name, int result) {
        uint64_t told;

        assert_int_equal(next(name, &told), result);
        assert_int_equal(told, 0);
}

/* Follows athena, and the events come on the descriptor that is given. */
static int follow(void) {
        uint64_t generation;
        int peer;

        assert_int_equal(bearer_fd(bearer, "athena", &fd), 0);
        assert_true(is_readable(fd, SLACK_MS));
        assert_int_equal(step("athena", &generation), 0);
        peer = accept_one("/v1/tokens/athena/events?after=0");
        say(peer, HEAD);
        settle("athena");
        return peer;
}

static int setup(void **state) {
        strcpy(directory + strlen(directory) - 6, "XXXXXX");
        if (!mkdtemp(directory))
                return -1;
        snprintf(address.sun_path, sizeof address.sun_path, "%s/s", directory);
        listen_anew();
        return bearer_open(address.sun_path, &bearer);
}

static int teardown(void **state) {
        bearer = bearer_close(bearer);
        close(listener);
        unlink(address.sun_path);
        return rmdir(directory);
}

/* ---- what is told ---- */

static void test_each_generation_is_told(void **state) {
        int peer = follow();

        say(peer, EVENT("42"));
        assert_told("athena", 42);
        settle("athena");
        say(peer, EVENT("43"));
        assert_told("athena", 43);
        settle("athena");
        close(peer);
}

static void test_of_several_the_newest_is_told(void **state) {
        int peer = follow();

        say(peer, EVENT("42") EVENT("43") GONE("43") EVENT("44"));
        assert_told("athena", 44);
        settle("athena");
        close(peer);
}

static void test_events_may_come_in_pieces(void **state) {
        static const char text[] = HEAD EVENT("42");
        uint64_t generation;
        int peer;

        assert_int_equal(bearer_fd(bearer, "athena", &fd), 0);
        assert_int_equal(step("athena", &generation), 0);
        peer = accept_one("/v1/tokens/athena/events?after=0");
        for (size_t i = 0; i < sizeof text - 1; i++) {
                assert_int_equal(send(peer, text + i, 1, 0), 1);
                if (i < sizeof text - 2)
                        settle("athena");
        }
        assert_told("athena", 42);
        close(peer);
}

static void test_what_is_not_known_is_passed_over(void **state) {
        int peer = follow();

        say(peer, ": a comment\n\nretry: 5\n\nevent: other\ndata: x\ndata\n\n\n\n:\n\nid\n\n");
        say(peer, "event: token\r\nnew: thing\r\ndata:" DATA("athena", "42") "\r\n\r\n");
        assert_told("athena", 42);
        settle("athena");
        close(peer);
}

static void test_token_that_is_gone_is_told_once(void **state) {
        int peer = follow();

        say(peer, GONE("41"));
        settle("athena"); /* there was none */
        say(peer, EVENT("42"));
        assert_told("athena", 42);
        say(peer, GONE("42"));
        assert_result("athena", BEARER_E_UNAVAILABLE);
        say(peer, GONE("42"));
        settle("athena");
        say(peer, EVENT("43"));
        assert_told("athena", 43);
        close(peer);
}

/* ---- bearerd that goes and comes ---- */

static void test_hang_up_is_followed_by_another_connection_and_nothing_is_told_twice(void **state) {
        int peer = follow();

        say(peer, EVENT("42"));
        assert_told("athena", 42);
        for (int i = 0; i < 3; i++) {
                uint64_t told = 0;

                close(peer);
                for (int k = 0; k < 20 && !is_readable(listener, 0); k++) {
                        assert_true(is_readable(fd, SLACK_MS));
                        assert_int_equal(step("athena", &told), 0);
                        assert_int_equal(told, 0);
                }
                peer = accept_one("/v1/tokens/athena/events?after=42");
                say(peer, HEAD EVENT("42"));
                settle("athena");
        }
        say(peer, EVENT("43"));
        assert_told("athena", 43);
        close(peer);
}

static void test_default_token_may_be_another_one_afterwards(void **state) {
        uint64_t told;
        int peer;

        assert_int_equal(bearer_fd(bearer, NULL, &fd), 0);
        assert_int_equal(step(NULL, &told), 0);
        peer = accept_one("/v1/token/events");
        say(peer, HEAD EVENT("42"));
        assert_told(NULL, 42);
        close(peer);
        while (!is_readable(listener, 0)) {
                assert_true(is_readable(fd, SLACK_MS));
                assert_int_equal(step(NULL, &told), 0);
        }
        peer = accept_one("/v1/token/events");
        say(peer, HEAD "event: token\ndata: " DATA("other", "42") "\n\n");
        assert_told(NULL, 42);
        close(peer);
}

static void test_missing_bearerd_is_told_and_waited_for_without_a_busy_loop(void **state) {
        unsigned steps = 0, results = 0;
        uint64_t told = 0, end;
        int peer;

        close(listener);
        unlink(address.sun_path);
        assert_int_equal(bearer_fd(bearer, "athena", &fd), 0);
        for (end = now_ms() + 1000; now_ms() < end;) {
                if (!is_readable(fd, 100))
                        continue;
                steps++;
                results += step("athena", &told) == -ENOENT;
                assert_int_equal(told, 0);
        }
        assert_true(steps > 1 && steps < 20);
        assert_int_equal(results, steps); /* it was not there before */
        listen_anew();
        while (!is_readable(listener, 0)) {
                assert_true(is_readable(fd, SLACK_MS));
                (void)step("athena", &told);
        }
        peer = accept_one("/v1/tokens/athena/events?after=0");
        say(peer, HEAD EVENT("42"));
        assert_told("athena", 42);
        close(peer);
}

static void test_restart_is_no_news_for_two_seconds(void **state) {
        int peer = follow();
        uint64_t told, began;

        close(peer);
        close(listener);
        began = now_ms();
        assert_int_equal(next("athena", &told), -ECONNREFUSED);
        assert_true(now_ms() - began >= 2000 - 500 /* for the tries to be apart */);
        assert_true(now_ms() - began < 2000 + SLACK_MS);
        listen_anew();
}

/* ---- what is refused ---- */

#define REFUSAL(status, headers) "HTTP/1.1 " status "\r\n" headers "Content-Length: 2\r\n\r\n{}"

static const struct {
        const char *answer;
        int result;
} answers[] = {
        {REFUSAL("400 x", ""), BEARER_E_INVALID},
        {REFUSAL("403 x", ""), BEARER_E_FORBIDDEN},
        {REFUSAL("404 x", ""), BEARER_E_UNKNOWN},
        {REFUSAL("429 x", ""), BEARER_E_BUSY},
        {REFUSAL("503 x", "Retry-After: 5\r\n"), BEARER_E_UNAVAILABLE},
        {REFUSAL("500 x", ""), BEARER_E_PROTOCOL},
        /* What is no stream of bearerd's. */
        {REFUSAL("200 x", "Content-Type: text/event-stream\r\n"), BEARER_E_PROTOCOL},
        {"HTTP/1.1 200 x\r\nContent-Type: text/plain\r\n\r\n", BEARER_E_PROTOCOL},
        {"HTTP/1.1 200 x\r\n\r\n", BEARER_E_PROTOCOL},
        {"220 mail.example ESMTP\r\n", BEARER_E_PROTOCOL},
        /* What is no event of bearerd's. */
        {HEAD "event: token\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: token\ndata: 42\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: token\ndata: {}\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: token\ndata: {\"name\":\"athena\",\"generation\":42}\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: token\ndata: {\ndata: }\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: token\ndata: " DATA("athena", "0") "\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: token\ndata: " DATA("other", "42") "\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: token\ndata: " DATA("../../x", "42") "\n\n", BEARER_E_PROTOCOL},
        {HEAD "event: gone\ndata: {\"name\":\"athena\"}\n\n", BEARER_E_PROTOCOL},
};

static void test_what_is_no_stream_has_its_result(void **state) {
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
                uint64_t told, began;
                int peer, r;

                teardown(NULL);
                setup(NULL);
                assert_int_equal(bearer_fd(bearer, "athena", &fd), 0);
                assert_int_equal(step("athena", &told), 0);
                peer = accept_one("/v1/tokens/athena/events?after=0");
                say(peer, answers[i].answer);
                began = now_ms();
                r = next("athena", &told);
                if (r != answers[i].result)
                        fail_msg("case %zu: %d: %s", i, r, answers[i].answer);
                /* It hangs up, and comes back after a while. */
                assert_int_equal(recv(peer, &(char){0}, 1, 0), 0);
                close(peer);
                assert_false(is_readable(fd, 100));
                if (answers[i].result != BEARER_E_BUSY)
                        continue;
                assert_true(is_readable(fd, SLACK_MS));
                assert_true(now_ms() - began >= 500);
                assert_int_equal(step("athena", &told), 0);
                close(accept_one("/v1/tokens/athena/events?after=0"));
        }
}

static void test_endless_line_is_cut_off(void **state) {
        int peer = follow();
        char text[4096];
        ssize_t n;

        memset(text, 'x', sizeof text);
        for (int i = 0; i < 10; i++) {
                uint64_t told;
                int r;

                n = send(peer, text, sizeof text, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0)
                        break;
                assert_true(is_readable(fd, SLACK_MS));
                r = step("athena", &told);
                if (r == BEARER_E_PROTOCOL) {
                        close(peer);
                        return;
                }
                assert_int_equal(r, 0);
        }
        fail_msg("it reads on");
}

static void test_full_backlog_is_waited_for(void **state) {
        int fds[64], n = 0;
        uint64_t told;

        while (n < 64) {
                fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                if (connect(fds[n++], (struct sockaddr *)&address, sizeof address) < 0)
                        break;
        }
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(bearer_fd(bearer, "athena", &fd), 0);
        for (int i = 0; i < 4; i++) {
                assert_true(is_readable(fd, SLACK_MS));
                assert_int_equal(step("athena", &told), 0);
        }
        while (n > 0)
                close(fds[--n]);
        while (is_readable(listener, 0))
                close(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
        while (!is_readable(listener, 0)) {
                assert_true(is_readable(fd, SLACK_MS));
                assert_int_equal(step("athena", &told), 0);
        }
        close(accept_one("/v1/tokens/athena/events?after=0"));
}

/* ---- descriptors, names and processes ---- */

static void test_there_is_one_descriptor_for_each_name(void **state) {
        int athena, other, by_default, again;

        assert_int_equal(bearer_fd(bearer, "athena", &athena), 0);
        assert_int_equal(bearer_fd(bearer, "other", &other), 0);
        assert_int_equal(bearer_fd(bearer, NULL, &by_default), 0);
        assert_true(athena != other && other != by_default && by_default != athena);
        assert_int_equal(bearer_fd(bearer, "athena", &again), 0);
        assert_int_equal(again, athena);
        assert_int_equal(bearer_fd(bearer, NULL, &again), 0);
        assert_int_equal(again, by_default);
}

static void test_wrong_arguments_are_refused(void **state) {
        uint64_t generation = 7;
        int none = 7;

        assert_int_equal(bearer_fd(NULL, "athena", &none), -EINVAL);
        assert_int_equal(bearer_fd(bearer, "athena", NULL), -EINVAL);
        assert_int_equal(bearer_fd(bearer, "Athena", &none), BEARER_E_INVALID);
        assert_int_equal(bearer_fd(bearer, "", &none), BEARER_E_INVALID);
        assert_int_equal(bearer_dispatch(bearer, "athena", &generation), -EINVAL);
        assert_int_equal(bearer_dispatch(bearer, NULL, &generation), -EINVAL);
        assert_int_equal(bearer_fd(bearer, "athena", &none), 0);
        assert_int_equal(bearer_dispatch(NULL, "athena", &generation), -EINVAL);
        assert_int_equal(bearer_dispatch(bearer, "athena", NULL), -EINVAL);
        assert_int_equal(bearer_dispatch(bearer, NULL, &generation), -EINVAL);
        assert_int_equal(bearer_dispatch(bearer, "other", &generation), -EINVAL);
        assert_int_equal(generation, 7);
}

/* Those that are open now, or those of them that stay so on exec. */
static unsigned count_descriptors(bool that_stay) {
        DIR *all = opendir("/proc/self/fd");
        struct dirent *entry;
        unsigned n = 0;

        while ((entry = readdir(all))) {
                int each = atoi(entry->d_name);

                if (entry->d_name[0] != '.' && each != dirfd(all))
                        n += !that_stay || !(fcntl(each, F_GETFD) & FD_CLOEXEC);
        }
        closedir(all);
        return n;
}

static void test_descriptors_are_closed_on_exec_and_at_close(void **state) {
        unsigned before = count_descriptors(false), stay = count_descriptors(true);
        int peer = follow();

        assert_int_equal(count_descriptors(false), before + 4); /* with the peer's */
        assert_int_equal(count_descriptors(true), stay);
        bearer = bearer_close(bearer);
        assert_int_equal(recv(peer, &(char){0}, 1, 0), 0);
        close(peer);
        assert_int_equal(count_descriptors(false), before);
        assert_int_equal(bearer_open(address.sun_path, &bearer), 0);
}

/* What the child of a fork finds wrong is its exit status. */
static int in_child(int (*what)(void)) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
                _exit(what());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int use_parents(void) {
        uint64_t generation;

        if (bearer_dispatch(bearer, "athena", &generation) != -ECHILD)
                return 1;
        bearer_close(bearer);
        return 0;
}

static int use_own(void) {
        uint64_t generation = 0;
        int own, peer, r;

        if (bearer_fd(bearer, "athena", &own) != 0 || !is_readable(own, SLACK_MS))
                return 1;
        r = bearer_dispatch(bearer, "athena", &generation);
        if (r != 0)
                return 2;
        peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0 || send(peer, HEAD EVENT("7"), strlen(HEAD EVENT("7")), 0) < 0)
                return 3;
        if (!is_readable(own, SLACK_MS) || bearer_dispatch(bearer, "athena", &generation) != 0)
                return 4;
        bearer_close(bearer);
        return generation == 7 ? 0 : 5;
}

static void test_child_of_a_fork_leaves_the_parents_alone_and_has_its_own(void **state) {
        int peer = follow();

        assert_int_equal(in_child(use_parents), 0);
        assert_int_equal(in_child(use_own), 0);
        say(peer, EVENT("42"));
        assert_told("athena", 42);
        settle("athena");
        close(peer);
}

/* A child with copies of all descriptors, that lives on until the GATE is closed. */
static pid_t fork_child(int gate[2]) {
        pid_t pid;

        assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(gate[1]);
                _exit(read(gate[0], &(char){0}, 1) == 0 ? 0 : 1);
        }
        return pid;
}

static void reap_child(pid_t pid, const int gate[2]) {
        close(gate[0]);
        close(gate[1]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whose copies of descriptors keep what the parent has closed: it would be readable for ever. */
static void test_child_that_lives_on_makes_nobody_spin(void **state) {
        int peer = follow(), gate[2];
        uint64_t told;
        pid_t pid;

        pid = fork_child(gate);
        shutdown(peer, SHUT_RDWR);
        close(peer);
        close(listener);
        unlink(address.sun_path);
        for (unsigned steps = 0; steps < 30;) {
                if (!is_readable(fd, 300))
                        break; /* it rests */
                assert_true(++steps < 30);
                (void)step("athena", &told);
        }
        listen_anew();
        reap_child(pid, gate);
}

static void test_close_is_noticed_though_a_child_lives(void **state) {
        int peer = follow(), gate[2];
        struct pollfd pollfd = {peer, POLLIN, 0};
        pid_t pid;

        pid = fork_child(gate);
        bearer = bearer_close(bearer);
        assert_int_equal(poll(&pollfd, 1, SLACK_MS), 1);
        assert_int_equal(recv(peer, &(char){0}, 1, MSG_DONTWAIT), 0);
        close(peer);
        reap_child(pid, gate);
}

/* proc(5): when a timer is due, in seconds and nanoseconds from now. */
static bool is_armed_timer(const char *descriptor) {
        unsigned seconds = 0, nanoseconds = 0;
        char path[64], line[256];
        FILE *info;

        snprintf(path, sizeof path, "/proc/self/fdinfo/%.20s", descriptor);
        info = fopen(path, "re");
        while (info && fgets(line, sizeof line, info))
                if (sscanf(line, "it_value: (%u, %u)", &seconds, &nanoseconds) == 2)
                        break;
        if (info)
                fclose(info);
        return seconds > 0 || nanoseconds > 0;
}

static unsigned count_armed_timers(void) {
        DIR *all = opendir("/proc/self/fd");
        struct dirent *entry;
        unsigned n = 0;

        while ((entry = readdir(all)))
                n += is_armed_timer(entry->d_name);
        closedir(all);
        return n;
}

static void test_who_follows_is_not_woken_by_time(void **state) {
        unsigned before = count_armed_timers();
        int peer;

        assert_int_equal(bearer_fd(bearer, "other", &fd), 0);
        assert_int_equal(bearer_dispatch(bearer, "other", &(uint64_t){0}), 0);
        close(accept_one("/v1/tokens/other/events?after=0"));
        assert_int_equal(count_armed_timers(), before + 1); /* it has no answer yet */
        peer = follow();
        assert_int_equal(count_armed_timers(), before + 1);
        close(peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_each_generation_is_told),
                TEST(test_of_several_the_newest_is_told),
                TEST(test_events_may_come_in_pieces),
                TEST(test_what_is_not_known_is_passed_over),
                TEST(test_token_that_is_gone_is_told_once),
                TEST(test_hang_up_is_followed_by_another_connection_and_nothing_is_told_twice),
                TEST(test_default_token_may_be_another_one_afterwards),
                TEST(test_missing_bearerd_is_told_and_waited_for_without_a_busy_loop),
                TEST(test_restart_is_no_news_for_two_seconds),
                TEST(test_what_is_no_stream_has_its_result),
                TEST(test_endless_line_is_cut_off),
                TEST(test_full_backlog_is_waited_for),
                TEST(test_there_is_one_descriptor_for_each_name),
                TEST(test_wrong_arguments_are_refused),
                TEST(test_descriptors_are_closed_on_exec_and_at_close),
                TEST(test_child_of_a_fork_leaves_the_parents_alone_and_has_its_own),
                TEST(test_child_that_lives_on_makes_nobody_spin),
                TEST(test_close_is_noticed_though_a_child_lives),
                TEST(test_who_follows_is_not_woken_by_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
