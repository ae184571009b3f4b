/* SPDX-License-Identifier: MIT */
/* One exchange with a peer that has hung up already: what test_libbearer meets by chance alone. */
#include <errno.h>
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
#include "client/connection.h"

/* A connection whose peer has sent SAID and closed. */
static struct connection *connection_hung_up(const char *said) {
        struct connection *connection = calloc(1, sizeof *connection);
        int fds[2];

        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                           errno);
        assert_int_equal(send(fds[1], said, strlen(said), MSG_NOSIGNAL), strlen(said));
        close(fds[1]);
        *connection = (struct connection){.fd = fds[0], .in = BUFFER_INIT(4096)};
        return connection;
}

static void test_hang_up_before_the_request_raises_no_signal(void **state) {
        static const struct {
                const char *said;
                int r;
        } cases[] = {
                {"", -ECONNRESET},
                {"HTTP/1.1 503 full\r\nContent-Le", -ECONNRESET},
                {"HTTP/1.1 503 full\r\nContent-Length: 2\r\n\r\n{}", 0},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct connection *connection = connection_hung_up(cases[i].said);
                struct http1_response response = {0};

                assert_false(connection_is_quiet(connection));
                assert_int_equal(connection_exchange(connection, SLICE("GET / HTTP/1.1\r\n\r\n"),
                                                     clock_now() + 5 * NSEC_PER_SEC, &response),
                                 cases[i].r);
                assert_int_equal(response.status, cases[i].r == 0 ? 503 : 0);
                connection_free(connection);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hang_up_before_the_request_raises_no_signal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
