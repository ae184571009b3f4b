/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
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
#include "base/timespan.h"
#include "io/service.h"

#define START    (1000 * NSEC_PER_SEC)
#define INTERVAL (5 * NSEC_PER_SEC) /* half of WATCHDOG_USEC */

static int manager = -1; /* what is told arrives here */
static struct service service;

static int setup(void **state) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t size = sizeof address.sun_family;
        char name[sizeof address.sun_path + 1];

        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        /* The kernel chooses an abstract address (unix(7)), which is written with an @. */
        if (manager < 0 || bind(manager, (struct sockaddr *)&address, size) < 0)
                return -1;
        size = sizeof address;
        if (getsockname(manager, (struct sockaddr *)&address, &size) < 0)
                return -1;
        size -= offsetof(struct sockaddr_un, sun_path);
        memcpy(name, address.sun_path, size);
        name[0] = '@';
        name[size] = 0;
        setenv("NOTIFY_SOCKET", name, 1);
        setenv("WATCHDOG_USEC", "10000000", 1);
        unsetenv("WATCHDOG_PID");
        service_init(&service, START);
        return 0;
}

static int teardown(void **state) {
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        return close(manager);
}

/* What the manager was told next; "" if nothing. */
static const char *told(void) {
        static char text[1024];
        ssize_t size = recv(manager, text, sizeof text - 1, 0);

        text[size > 0 ? size : 0] = 0;
        return text;
}

static void test_watchdog_is_fed_when_the_timer_has_fired(void **state) {
        assert_int_equal(service_deadline(&service), START);
        service_expired(&service, START, false, START);
        assert_string_equal(told(), "WATCHDOG=1");
        assert_int_equal(service_deadline(&service), START + INTERVAL);
        service_expired(&service, START + INTERVAL - 1, false, START + INTERVAL - 1);
        assert_string_equal(told(), "");
        service_expired(&service, START + INTERVAL, false, START + INTERVAL + 1);
        assert_string_equal(told(), "WATCHDOG=1");
}

/* Workers keep the loop turning, and the timer is dead. */
static void test_watchdog_starves_when_the_timer_does_not_fire(void **state) {
        service_expired(&service, START, false, START);
        assert_string_equal(told(), "WATCHDOG=1");
        for (unsigned i = 0; i < 100; i++) {
                service_expired(&service, START + INTERVAL - 1, false,
                                START + INTERVAL + i * NSEC_PER_SEC);
                assert_string_equal(told(), "");
        }
        service_expired(&service, START + INTERVAL + 100 * NSEC_PER_SEC, false,
                        START + INTERVAL + 100 * NSEC_PER_SEC);
        assert_string_equal(told(), "WATCHDOG=1");
}

static void test_watchdog_starves_while_what_is_due_is_not_done(void **state) {
        service_expired(&service, START, true, START);
        assert_string_equal(told(), "");
        service_expired(&service, START, false, START);
        assert_string_equal(told(), "WATCHDOG=1");
}

static void test_without_a_watchdog_nothing_is_due(void **state) {
        unsetenv("WATCHDOG_USEC");
        service_init(&service, START);
        assert_int_equal(service_deadline(&service), NEVER);
        service_expired(&service, NEVER, false, NEVER - 1);
        assert_string_equal(told(), "");
}

static void test_status_is_told_when_it_is_another(void **state) {
        service_say(&service, "one", START);
        assert_string_equal(told(), "STATUS=one");
        service_say(&service, "one", START);
        assert_string_equal(told(), "");
        service_say(&service, "two", START);
        assert_string_equal(told(), "STATUS=two");
}

/* A manager that does not listen for a while. */
static void test_what_could_not_be_told_is_told_again(void **state) {
        const char *where = getenv("NOTIFY_SOCKET");
        char saved[200];

        snprintf(saved, sizeof saved, "%s", where);
        service.watchdog_at = NEVER;
        setenv("NOTIFY_SOCKET", "@bearerd-nobody-listens-there", 1);
        service_ready(&service, START);
        service_say(&service, "one", START);
        assert_int_equal(service_deadline(&service), START + SERVICE_RETRY);
        service_expired(&service, START, false, START + SERVICE_RETRY);
        assert_int_equal(service_deadline(&service), START + 3 * SERVICE_RETRY);
        setenv("NOTIFY_SOCKET", saved, 1);
        service_expired(&service, START, false, START + 3 * SERVICE_RETRY - 1);
        assert_string_equal(told(), "");
        service_expired(&service, START, false, START + 3 * SERVICE_RETRY);
        assert_string_equal(told(), "READY=1");
        assert_string_equal(told(), "STATUS=one");
        assert_string_equal(told(), "");
        assert_int_equal(service_deadline(&service), NEVER);
}

/* As with a variable that was inherited where its socket was not. */
static void test_where_there_is_no_manager_it_is_told_ever_more_rarely(void **state) {
        uint64_t now = START;

        service.watchdog_at = NEVER;
        setenv("NOTIFY_SOCKET", "@bearerd-nobody-listens-there", 1);
        service_ready(&service, now);
        for (unsigned i = 0; i < 20; i++) {
                now = service_deadline(&service);
                service_expired(&service, START, false, now);
        }
        assert_int_equal(service_deadline(&service), now + SERVICE_RETRY_MAX);
}

static void test_a_watchdog_that_is_not_there_is_fed_ever_more_rarely(void **state) {
        uint64_t now = START;

        setenv("NOTIFY_SOCKET", "@bearerd-nobody-listens-there", 1);
        for (unsigned i = 0; i < 20; i++) {
                now = service_deadline(&service);
                service_expired(&service, now, false, now);
        }
        assert_int_equal(service_deadline(&service), now + INTERVAL);
}

/* The manager counts from what it has heard. */
static void test_watchdog_is_fed_again_soon_when_that_was_lost(void **state) {
        char saved[200];

        snprintf(saved, sizeof saved, "%s", getenv("NOTIFY_SOCKET"));
        setenv("NOTIFY_SOCKET", "@bearerd-nobody-listens-there", 1);
        service_expired(&service, START, false, START);
        assert_int_equal(service_deadline(&service), START + SERVICE_RETRY);
        setenv("NOTIFY_SOCKET", saved, 1);
        service_expired(&service, START + SERVICE_RETRY, false, START + SERVICE_RETRY);
        assert_string_equal(told(), "WATCHDOG=1");
        assert_int_equal(service_deadline(&service), START + SERVICE_RETRY + INTERVAL);
}

/* More than there is room for, of a kernel that gives the most (net.unix.max_dgram_qlen). */
#define MANY 100000u

static void test_nothing_waits_for_a_manager_that_hangs(void **state) {
        uint64_t began = clock_now();
        char status[32];

        service_ready(&service, START);
        for (unsigned i = 0; i < MANY; i++) {
                snprintf(status, sizeof status, "%u", i);
                service_say(&service, status, START);
        }
        assert_true(clock_now() - began < 10 * NSEC_PER_SEC);
        while (told()[0])
                ;
        service.watchdog_at = NEVER;
        service_expired(&service, START, false, START + SERVICE_RETRY);
        snprintf(status, sizeof status, "STATUS=%u", MANY - 1);
        assert_string_equal(told(), status);
        assert_int_equal(service_deadline(&service), NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_watchdog_is_fed_when_the_timer_has_fired),
                TEST(test_watchdog_starves_when_the_timer_does_not_fire),
                TEST(test_watchdog_starves_while_what_is_due_is_not_done),
                TEST(test_without_a_watchdog_nothing_is_due),
                TEST(test_status_is_told_when_it_is_another),
                TEST(test_what_could_not_be_told_is_told_again),
                TEST(test_where_there_is_no_manager_it_is_told_ever_more_rarely),
                TEST(test_a_watchdog_that_is_not_there_is_fed_ever_more_rarely),
                TEST(test_watchdog_is_fed_again_soon_when_that_was_lost),
                TEST(test_nothing_waits_for_a_manager_that_hangs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
