/* SPDX-License-Identifier: MIT */
/* libbearer through bearer.h alone, against peers on real sockets that answer what a script says.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret.h"
#include "bearer.h"
#include "wire/api.h"

#define SLACK_MS        700 /* of a busy machine */
#define CONNECTIONS_MAX 512
#define ANSWER_MAX      65536

/* Answers */

#define BODY_OF(members)                                                                           \
        "{\"access_token\":\"abc.DEF-_~+/=\",\"token_type\":\"Bearer\"," members "}"
#define BODY                                                                                       \
        BODY_OF("\"expires_in\":3600,\"scope\":\"athena/service/Athenanet.MDP.*\","                \
                "\"name\":\"athena\",\"generation\":42,\"expires_at\":1790000000,"                 \
                "\"practice_id\":\"195900\"")

/* A whole response; static, for one thread at a time. */
static const char *answer_of(const char *status, const char *body) {
        static char text[2 * ANSWER_MAX];

        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 status, strlen(body), body);
        return text;
}

/* The peer */

struct peer {
        char directory[64];
        struct sockaddr_un address;
        int listener;
        pthread_t thread;
        void (*serve)(struct peer *peer, int fd, unsigned nth);
        unsigned n; /* connections that were accepted; the accepting thread's */
        int fds[CONNECTIONS_MAX];
        pthread_t threads[CONNECTIONS_MAX];
        atomic_uint connections;
        atomic_uint ended; /* connections */
        atomic_uint requests;
        atomic_uint served[CONNECTIONS_MAX]; /* requests by connection, of serve_all() */
        atomic_uint go;                      /* what a script waits for */
        pthread_mutex_t lock;
        char request[2048]; /* the last one */
        char *answer;       /* what scripts send */
};

struct served {
        struct peer *peer;
        int fd;
        unsigned nth;
};

static uint64_t now_ms(void) {
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void sleep_ms(unsigned ms) {
        struct timespec span = {ms / 1000, (long)(ms % 1000) * 1000000};

        while (nanosleep(&span, &span) < 0)
                ;
}

static void send_bytes(int fd, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

                if (n < 0)
                        return;
                data += n;
                size -= (size_t)n;
        }
}

static void send_answer(struct peer *peer, int fd) {
        pthread_mutex_lock(&peer->lock);
        send_bytes(fd, peer->answer, strlen(peer->answer));
        pthread_mutex_unlock(&peer->lock);
}

static void peer_answers(struct peer *peer, const char *answer) {
        pthread_mutex_lock(&peer->lock);
        free(peer->answer);
        peer->answer = strdup(answer);
        pthread_mutex_unlock(&peer->lock);
}

/* Whether there was one. */
static bool read_request(struct peer *peer, int fd) {
        char text[sizeof peer->request];
        size_t size = 0;

        do {
                ssize_t n = recv(fd, text + size, sizeof text - 1 - size, 0);

                if (n <= 0)
                        return false;
                size += (size_t)n;
                text[size] = 0;
        } while (!strstr(text, "\r\n\r\n"));
        pthread_mutex_lock(&peer->lock);
        memcpy(peer->request, text, size + 1);
        pthread_mutex_unlock(&peer->lock);
        atomic_fetch_add(&peer->requests, 1);
        return true;
}

static void *serve_thread(void *argument) {
        struct served *served = argument;

        served->peer->serve(served->peer, served->fd, served->nth);
        atomic_fetch_add(&served->peer->ended, 1);
        shutdown(served->fd, SHUT_RDWR);
        free(served);
        return NULL;
}

static void *accept_thread(void *argument) {
        struct peer *peer = argument;
        int fd;

        while ((fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                struct served *served = malloc(sizeof *served);

                if (peer->n == CONNECTIONS_MAX)
                        abort();
                *served = (struct served){peer, fd, peer->n + 1};
                peer->fds[peer->n] = fd;
                atomic_fetch_add(&peer->connections, 1);
                if (pthread_create(&peer->threads[peer->n++], NULL, serve_thread, served) != 0)
                        abort();
        }
        return NULL;
}

static int listen_at(const struct sockaddr_un *address, int backlog) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        unlink(address->sun_path);
        assert_return_code(bind(fd, (const struct sockaddr *)address, sizeof *address), errno);
        assert_return_code(listen(fd, backlog), errno);
        return fd;
}

static void peer_accept(struct peer *peer) {
        peer->listener = listen_at(&peer->address, 128);
        assert_int_equal(pthread_create(&peer->thread, NULL, accept_thread, peer), 0);
}

static struct peer *peer_new(void) {
        struct peer *peer = calloc(1, sizeof *peer);

        strcpy(peer->directory, "/tmp/libbearer-XXXXXX");
        assert_non_null(mkdtemp(peer->directory));
        chmod(peer->directory, 0755);
        peer->address.sun_family = AF_UNIX;
        snprintf(peer->address.sun_path, sizeof peer->address.sun_path, "%s/s", peer->directory);
        pthread_mutex_init(&peer->lock, NULL);
        return peer;
}

static struct peer *peer_start(void (*serve)(struct peer *, int, unsigned), const char *answer) {
        struct peer *peer = peer_new();

        peer->serve = serve;
        if (answer)
                peer_answers(peer, answer);
        peer_accept(peer);
        return peer;
}

/* As if it had crashed: nobody listens, all connections are gone. */
static void peer_hang_up(struct peer *peer) {
        shutdown(peer->listener, SHUT_RDWR);
        pthread_join(peer->thread, NULL);
        close(peer->listener);
        for (unsigned i = 0; i < peer->n; i++) {
                shutdown(peer->fds[i], SHUT_RDWR);
                pthread_join(peer->threads[i], NULL);
                close(peer->fds[i]);
        }
        peer->n = 0;
}

static void peer_free(struct peer *peer) {
        unlink(peer->address.sun_path);
        rmdir(peer->directory);
        pthread_mutex_destroy(&peer->lock);
        free(peer->answer);
        free(peer);
}

static void peer_stop(struct peer *peer) {
        peer_hang_up(peer);
        peer_free(peer);
}

/* Scripts */

static void serve_all(struct peer *peer, int fd, unsigned nth) {
        while (read_request(peer, fd)) {
                atomic_fetch_add(&peer->served[nth - 1], 1);
                send_answer(peer, fd);
        }
}

static void serve_one(struct peer *peer, int fd, unsigned nth) {
        if (read_request(peer, fd))
                send_answer(peer, fd);
}

static void serve_without_reading(struct peer *peer, int fd, unsigned nth) {
        send_answer(peer, fd);
}

static void serve_nothing(struct peer *peer, int fd, unsigned nth) {
        while (read_request(peer, fd))
                ;
}

static void serve_hang_up(struct peer *peer, int fd, unsigned nth) {
        read_request(peer, fd);
}

static void serve_drip(struct peer *peer, int fd, unsigned nth) {
        read_request(peer, fd);
        send_bytes(fd, "HTTP/1.1 200 OK\r\nX: ", 20);
        while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
                sleep_ms(5);
}

static void serve_first_dies_at_second_request(struct peer *peer, int fd, unsigned nth) {
        if (nth > 1) {
                serve_all(peer, fd, nth);
        } else if (read_request(peer, fd)) {
                send_answer(peer, fd);
                read_request(peer, fd);
        }
}

static void serve_first_breaks_off(struct peer *peer, int fd, unsigned nth) {
        if (nth > 1)
                serve_all(peer, fd, nth);
        else if (read_request(peer, fd))
                send_bytes(fd, "HTTP/1.1 200 OK\r\nContent-Le", 27);
}

/* The first connection says more than it was asked, when told to. */
static void serve_first_babbles(struct peer *peer, int fd, unsigned nth) {
        if (nth > 1) {
                serve_all(peer, fd, nth);
        } else if (read_request(peer, fd)) {
                send_answer(peer, fd);
                while (atomic_load(&peer->go) == 0)
                        sleep_ms(1);
                send_bytes(fd, "HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n", 39);
                atomic_store(&peer->go, 2);
                read_request(peer, fd);
        }
}

/* Keeps those waiting that ask for "slow". */
static void serve_unless_slow(struct peer *peer, int fd, unsigned nth) {
        char text[512];
        ssize_t n;

        while ((n = recv(fd, text, sizeof text - 1, 0)) > 0) {
                text[n] = 0;
                if (strstr(text, "/slow?"))
                        atomic_fetch_add(&peer->go, 1);
                else
                        send_answer(peer, fd);
        }
}

/* What the tests share */

static struct bearer *open_at(const struct peer *peer) {
        struct bearer *bearer = NULL;

        assert_int_equal(bearer_open(peer->address.sun_path, &bearer), 0);
        assert_non_null(bearer);
        return bearer;
}

/* One bearer_get() that gives no token. */
static int refused_get(struct bearer *bearer, const char *name, int timeout_ms) {
        struct bearer_token *token = (struct bearer_token *)-1;
        int r = bearer_get(bearer, name, timeout_ms, &token);

        assert_int_not_equal(r, 0);
        assert_ptr_equal(token, (struct bearer_token *)-1);
        return r;
}

static struct bearer_token *good_get(struct bearer *bearer) {
        struct bearer_token *token = NULL;

        assert_int_equal(bearer_get(bearer, "athena", 5000, &token), 0);
        assert_string_equal(bearer_token_value(token), "abc.DEF-_~+/=");
        assert_int_equal(bearer_token_length(token), strlen("abc.DEF-_~+/="));
        return token;
}

static void good_get_and_forget(struct bearer *bearer) {
        assert_null(bearer_token_unref(good_get(bearer)));
}

static int get_once(const char *answer, const char *name) {
        struct peer *peer = peer_start(serve_one, answer);
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = NULL;
        int r = bearer_get(bearer, name, 5000, &token);

        assert_true((r == 0) == (token != NULL));
        bearer_token_unref(token);
        bearer_close(bearer);
        peer_stop(peer);
        return r;
}

static void assert_took(uint64_t began, unsigned least, unsigned most) {
        uint64_t took = now_ms() - began;

        assert_in_range(took, least, most + SLACK_MS);
}

static unsigned open_descriptors(void) {
        unsigned n = 0;

        for (int fd = 0; fd < 1024; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* Tests */

static void test_token_comes_with_all_that_belongs_to_it(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = good_get(bearer);

        assert_string_equal(bearer_token_name(token), "athena");
        assert_string_equal(bearer_token_scope(token), "athena/service/Athenanet.MDP.*");
        assert_string_equal(bearer_token_practice_id(token), "195900");
        assert_int_equal(bearer_token_generation(token), 42);
        assert_int_equal(bearer_token_expires_at(token), 1790000000);
        assert_in_range(bearer_token_expires_in(token), 3590, 3600);
        bearer_token_unref(token);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_what_the_endpoint_did_not_say_is_empty(void **state) {
        struct peer *peer = peer_start(
                serve_all, answer_of("200 OK", BODY_OF("\"expires_in\":0,\"name\":\"athena\","
                                                       "\"generation\":1,\"expires_at\":5")));
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = good_get(bearer);

        assert_string_equal(bearer_token_scope(token), "");
        assert_string_equal(bearer_token_practice_id(token), "");
        assert_int_equal(bearer_token_expires_in(token), 0);
        bearer_token_unref(token);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_request_says_how_long_to_wait(void **state) {
        static const struct {
                int timeout_ms;
                const char *name, *request;
        } cases[] = {
                {-1, NULL, "GET /v1/token?wait=20 HTTP/1.1\r\n"},
                {-1, "athena", "GET /v1/tokens/athena?wait=20 HTTP/1.1\r\n"},
                {0, NULL, "GET /v1/token?wait=0 HTTP/1.1\r\n"},
                {999, NULL, "GET /v1/token?wait=1 HTTP/1.1\r\n"},
                {1000, NULL, "GET /v1/token?wait=1 HTTP/1.1\r\n"},
                {1001, NULL, "GET /v1/token?wait=2 HTTP/1.1\r\n"},
                {60000, NULL, "GET /v1/token?wait=60 HTTP/1.1\r\n"},
                {60001, NULL, "GET /v1/token?wait=60 HTTP/1.1\r\n"},
                {INT_MAX, NULL, "GET /v1/token?wait=60 HTTP/1.1\r\n"},
        };
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct bearer_token *token = NULL;

                assert_int_equal(bearer_get(bearer, cases[i].name, cases[i].timeout_ms, &token), 0);
                assert_memory_equal(peer->request, cases[i].request, strlen(cases[i].request));
                bearer_token_unref(token);
        }
        assert_int_equal(peer->connections, 1);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_renewal_asks_for_a_newer_one_of_the_same_name(void **state) {
        static const char newer[] =
                BODY_OF("\"expires_in\":3600,\"name\":\"athena\",\"generation\":43,"
                        "\"expires_at\":1790000000");
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = NULL, *renewed = NULL;

        assert_int_equal(bearer_get(bearer, NULL, -1, &token), 0);
        /* The same one again is no answer. */
        assert_int_equal(bearer_renew(bearer, token, -1, &renewed), BEARER_E_PROTOCOL);
        assert_null(renewed);
        peer_answers(peer, answer_of("200 OK", newer));
        assert_int_equal(bearer_renew(bearer, token, 3000, &renewed), 0);
        assert_non_null(strstr(peer->request, "GET /v1/tokens/athena?wait=3&after=42 HTTP"));
        assert_int_equal(bearer_token_generation(renewed), 43);
        assert_int_equal(bearer_token_generation(token), 42);
        bearer_token_unref(token);
        bearer_token_unref(renewed);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_each_status_has_its_result(void **state) {
        static const struct {
                const char *status;
                int get, renew;
                const char *body;
        } cases[] = {
                {"400 Bad Request", BEARER_E_INVALID, BEARER_E_INVALID},
                {"403 Forbidden", BEARER_E_FORBIDDEN, BEARER_E_FORBIDDEN},
                {"404 Not Found", BEARER_E_UNKNOWN, BEARER_E_UNKNOWN},
                {"429 Too Many Requests", BEARER_E_BUSY, BEARER_E_BUSY},
                {"429 Too Many Requests", BEARER_E_BUSY, BEARER_E_BUSY, "<html>"},
                {"429 Too Many Requests", BEARER_E_FRESH, BEARER_E_FRESH,
                 "{\"error\":\"slow_down\"}"},
                {"502 Bad Gateway", BEARER_E_DENIED, BEARER_E_DENIED},
                {"503 Service Unavailable", BEARER_E_UNAVAILABLE, BEARER_E_UNAVAILABLE},
                {"504 Gateway Timeout", BEARER_E_TIMEOUT, BEARER_E_TIMEOUT},
                {"201 Created", BEARER_E_PROTOCOL, BEARER_E_PROTOCOL},
                {"301 Moved", BEARER_E_PROTOCOL, BEARER_E_PROTOCOL},
                {"405 Method Not Allowed", BEARER_E_PROTOCOL, BEARER_E_PROTOCOL},
                {"500 Internal Server Error", BEARER_E_PROTOCOL, BEARER_E_PROTOCOL},
        };
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = good_get(bearer), *none = NULL;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const char *body = cases[i].body ? cases[i].body : "{\"error\":\"x\"}";

                peer_answers(peer, answer_of(cases[i].status, body));
                assert_int_equal(refused_get(bearer, "athena", 5000), cases[i].get);
                assert_int_equal(bearer_renew(bearer, token, 5000, &none), cases[i].renew);
                assert_null(none);
        }
        bearer_token_unref(token);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_hostile_bytes_are_a_protocol_error(void **state) {
        static const char *const answers[] = {
                "garbage\r\n\r\n",
                "\n",
                "SSH-2.0-OpenSSH_9.2\r\n",
                "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\r\n\r\n{}",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\nHTTP/1.1 403 no\r\n",
                "HTTP/1.1 100 Continue\r\n\r\n",
        };

        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
                assert_int_equal(get_once(answers[i], NULL), BEARER_E_PROTOCOL);
}

/* bearerd that was killed: there is another one soon, which is asked again, once. */
static void test_answer_that_breaks_off_is_a_hang_up(void **state) {
        static const char *const answers[] = {
                "HTTP/1.1 200",
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a",
        };

        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
                assert_int_equal(get_once(answers[i], NULL), -ECONNRESET);
}

static void test_answer_that_breaks_off_is_asked_for_again(void **state) {
        struct peer *peer = peer_start(serve_first_breaks_off, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);

        bearer_token_unref(good_get(bearer));
        assert_int_equal(atomic_load(&peer->connections), 2);
        bearer_close(bearer);
        peer_stop(peer);
}

#define REST "\"name\":\"athena\",\"generation\":42,\"expires_at\":9"
#define WITH_TOKEN(token)                                                                          \
        "{\"access_token\":" token ",\"token_type\":\"Bearer\","                                   \
        "\"expires_in\":5," REST "}"

static void test_hostile_bodies_are_a_protocol_error(void **state) {
        static const char *const bodies[] = {
                "",
                "null",
                "[]",
                "{}",
                "{\"access_token\":{}}",
                BODY "x",
                WITH_TOKEN("1"),
                WITH_TOKEN("null"),
                WITH_TOKEN("\"\""),
                WITH_TOKEN("\"=\""),
                WITH_TOKEN("\"a=b\""),
                WITH_TOKEN("\"a b\""),
                WITH_TOKEN("\"a\\r\\nX-Evil: 1\""),
                WITH_TOKEN("\"a\\u0000b\""),
                WITH_TOKEN("\"\\u00e4\""),
                WITH_TOKEN("\"a,b\""),
                WITH_TOKEN("\"a\",\"access_token\":\"b\""),
                BODY_OF("\"expires_in\":5,\"generation\":1,\"expires_at\":9"),
                BODY_OF("\"expires_in\":5,\"name\":\"athena\",\"expires_at\":9"),
                BODY_OF("\"expires_in\":5,\"name\":\"athena\",\"generation\":1"),
                BODY_OF("\"name\":\"athena\",\"generation\":1,\"expires_at\":9"),
                BODY_OF("\"expires_in\":-5," REST),
                BODY_OF("\"expires_in\":1.5," REST),
                BODY_OF("\"expires_in\":\"5\"," REST),
                BODY_OF("\"expires_in\":315360001," REST),
                BODY_OF("\"expires_in\":18446744073709551616," REST),
                BODY_OF("\"expires_in\":5,\"name\":\"athena\",\"generation\":0,\"expires_at\":9"),
                BODY_OF("\"expires_in\":5,\"name\":\"Athena\",\"generation\":1,\"expires_at\":9"),
                BODY_OF("\"expires_in\":5,\"name\":\"other\",\"generation\":1,\"expires_at\":9"),
                BODY_OF("\"expires_in\":5,\"scope\":\"a\\u001b[2J\"," REST),
                BODY_OF("\"expires_in\":5,\"practice_id\":\"\\n\"," REST),
                "{\"access_token\":\"a\",\"token_type\":\"mac\",\"expires_in\":5," REST "}",
                "{\"access_token\":\"a\",\"expires_in\":5," REST "}",
        };

        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
                assert_int_equal(get_once(answer_of("200 OK", bodies[i]), "athena"),
                                 BEARER_E_PROTOCOL);
        assert_int_equal(get_once(answer_of("200 OK", WITH_TOKEN("\"a\\/b=\"")), "athena"), 0);
        assert_int_equal(
                get_once(answer_of("200 OK", BODY_OF("\"expires_in\":315360000," REST)), "athena"),
                0);
}

/* Another token than the one that was asked for; by default, any may come. */
static void test_answer_has_the_name_that_was_asked_for(void **state) {
        assert_int_equal(get_once(answer_of("200 OK", BODY), "other"), BEARER_E_PROTOCOL);
        assert_int_equal(get_once(answer_of("200 OK", BODY), NULL), 0);
}

static void test_token_may_have_its_longest_size(void **state) {
        static const char head[] = "{\"access_token\":\"", tail[] = "\",\"token_type\":\"bearer\","
                                                                    "\"expires_in\":5," REST "}";
        static char body[ANSWER_MAX];

        for (size_t excess = 0; excess < 2; excess++) {
                size_t size = SECRET_SIZE_MAX + excess;

                strcpy(body, head);
                memset(body + strlen(head), 'a', size);
                strcpy(body + strlen(head) + size, tail);
                assert_int_equal(get_once(answer_of("200 OK", body), "athena"),
                                 excess ? BEARER_E_PROTOCOL : 0);
        }
}

static void test_answer_may_have_its_longest_size(void **state) {
        size_t bare = strlen(answer_of("200 OK", BODY)) + 2; /* two more digits of the length */
        static char body[ANSWER_MAX];

        for (size_t excess = 0; excess < 2; excess++) {
                const char *answer;

                strcpy(body, BODY);
                memset(body + strlen(BODY), ' ', API_ANSWER_MAX - bare + excess);
                answer = answer_of("200 OK", body);
                assert_int_equal(strlen(answer), API_ANSWER_MAX + excess);
                assert_int_equal(get_once(answer, "athena"), excess ? BEARER_E_PROTOCOL : 0);
        }
}

/* The peer goes silent where there is no more room: that must not take until the deadline. */
static void test_endless_answer_ends_at_once(void **state) {
        char *text = calloc(1, API_ANSWER_MAX + 1);
        struct peer *peer;
        struct bearer *bearer;
        uint64_t began = now_ms();

        strcpy(text, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        memset(text + strlen(text), ' ', API_ANSWER_MAX - strlen(text));
        peer = peer_start(serve_all, text);
        bearer = open_at(peer);
        assert_int_equal(refused_get(bearer, NULL, 10000), BEARER_E_PROTOCOL);
        assert_took(began, 0, 100);
        bearer_close(bearer);
        peer_stop(peer);
        free(text);
}

static void test_deadline_is_kept_whatever_the_peer_does(void **state) {
        static void (*const scripts[])(struct peer *, int, unsigned) = {serve_nothing, serve_drip};
        static const struct {
                int timeout_ms;
                unsigned took;
        } cases[] = {{0, 250}, {1, 1}, {120, 120}, {400, 400}};

        for (size_t s = 0; s < 2; s++) {
                struct peer *peer = peer_start(scripts[s], NULL);
                struct bearer *bearer = open_at(peer);

                for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                        uint64_t began = now_ms();

                        assert_int_equal(refused_get(bearer, NULL, cases[i].timeout_ms),
                                         BEARER_E_TIMEOUT);
                        assert_took(began, cases[i].took - 1, cases[i].took);
                }
                /* What may still be answered on it is for nobody: each had its own. */
                assert_int_equal(peer->connections, 4);
                bearer_close(bearer);
                peer_stop(peer);
        }
}

static void on_signal(int number) {
}

static void test_signals_neither_cut_short_nor_prolong(void **state) {
        struct peer *peer = peer_start(serve_nothing, NULL);
        struct bearer *bearer = open_at(peer);
        struct sigaction action = {.sa_handler = on_signal}, old; /* no SA_RESTART */
        struct itimerval often = {{0, 3000}, {0, 3000}}, never = {0};
        uint64_t began = now_ms();

        sigaction(SIGALRM, &action, &old);
        setitimer(ITIMER_REAL, &often, NULL);
        assert_int_equal(refused_get(bearer, NULL, 200), BEARER_E_TIMEOUT);
        setitimer(ITIMER_REAL, &never, NULL);
        sigaction(SIGALRM, &old, NULL);
        assert_took(began, 199, 200);
        bearer_close(bearer);
        peer_stop(peer);
}

/* Connects until there is no more room. */
static unsigned fill_backlog(const struct sockaddr_un *address, int *fds, unsigned most) {
        for (unsigned n = 0; n < most; n++) {
                fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                if (connect(fds[n], (const struct sockaddr *)address, sizeof *address) < 0) {
                        assert_int_equal(errno, EAGAIN);
                        close(fds[n]);
                        return n;
                }
        }
        fail();
        return 0;
}

/* As soon as who called us waits in connect(2), where it is woken (proc(5)); or, where the kernel
 * does not tell that, a moment later. */
static void *accept_late(void *argument) {
        char path[64];
        int call = -1;

        snprintf(path, sizeof path, "/proc/self/task/%jd/syscall", (intmax_t)getpid());
        while (call != SYS_connect) {
                FILE *file = fopen(path, "re");

                if (!file) {
                        sleep_ms(150);
                        break;
                }
                if (fscanf(file, "%d", &call) != 1)
                        call = -1;
                fclose(file);
        }
        return accept_thread(argument);
}

static void test_full_backlog_is_waited_for(void **state) {
        struct peer *peer = peer_new();
        struct bearer *bearer = open_at(peer);
        uint64_t began;
        int fds[16];
        unsigned n;

        peer->listener = listen_at(&peer->address, 0);
        n = fill_backlog(&peer->address, fds, 16);
        began = now_ms();
        assert_int_equal(refused_get(bearer, NULL, 200), BEARER_E_TIMEOUT);
        assert_took(began, 199, 200);

        peer->serve = serve_all;
        peer_answers(peer, answer_of("200 OK", BODY));
        pthread_create(&peer->thread, NULL, accept_late, peer);
        good_get_and_forget(bearer);
        for (unsigned i = 0; i < n; i++)
                close(fds[i]);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_connection_is_kept_between_calls(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);

        for (int i = 0; i < 20; i++)
                good_get_and_forget(bearer);
        assert_int_equal(peer->connections, 1);
        assert_int_equal(peer->requests, 20);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_connection_is_not_kept_where_bearerd_ends_it(void **state) {
        static char text[1024];
        struct peer *peer;
        struct bearer *bearer;

        snprintf(text, sizeof text,
                 "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(BODY), BODY);
        peer = peer_start(serve_all, text);
        bearer = open_at(peer);
        good_get_and_forget(bearer);
        good_get_and_forget(bearer);
        assert_int_equal(peer->connections, 2);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_dead_kept_connection_costs_nothing(void **state) {
        static void (*const scripts[])(struct peer *, int,
                                       unsigned) = {serve_one, serve_first_dies_at_second_request};

        for (size_t i = 0; i < 2; i++) {
                struct peer *peer = peer_start(scripts[i], answer_of("200 OK", BODY));
                struct bearer *bearer = open_at(peer);

                good_get_and_forget(bearer);
                good_get_and_forget(bearer);
                assert_int_equal(peer->connections, 2);
                bearer_close(bearer);
                peer_stop(peer);
        }
}

static void test_unasked_answer_is_for_nobody(void **state) {
        struct peer *peer = peer_start(serve_first_babbles, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);

        good_get_and_forget(bearer);
        atomic_store(&peer->go, 1);
        while (atomic_load(&peer->go) != 2)
                sleep_ms(1);
        good_get_and_forget(bearer);
        assert_int_equal(peer->connections, 2);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_hang_up_is_tried_once_more(void **state) {
        struct peer *peer = peer_start(serve_hang_up, NULL);
        struct bearer *bearer = open_at(peer);

        assert_int_equal(refused_get(bearer, NULL, 5000), -ECONNRESET);
        assert_int_equal(peer->connections, 2);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_answer_to_an_unread_request_counts(void **state) {
        assert_int_equal(get_once(answer_of("403 no", ""), NULL), BEARER_E_FORBIDDEN);
        for (int i = 0; i < 20; i++) {
                struct peer *peer = peer_start(serve_without_reading, answer_of("503 full", "{}"));
                struct bearer *bearer = open_at(peer);

                assert_int_equal(refused_get(bearer, NULL, 5000), BEARER_E_UNAVAILABLE);
                bearer_close(bearer);
                peer_stop(peer);
        }
}

static void *accept_again_later(void *argument) {
        struct peer *peer = argument;

        sleep_ms(300);
        peer_accept(peer);
        return NULL;
}

static void test_restart_is_waited_for(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        uint64_t began;
        pthread_t thread;

        good_get_and_forget(bearer);
        peer_hang_up(peer);
        unlink(peer->address.sun_path);
        began = now_ms();
        pthread_create(&thread, NULL, accept_again_later, peer);
        good_get_and_forget(bearer);
        assert_took(began, 299, 400);
        pthread_join(thread, NULL);

        /* It stays away: the caller's deadline first, then ours. */
        peer_hang_up(peer);
        began = now_ms();
        assert_int_equal(refused_get(bearer, NULL, 200), BEARER_E_TIMEOUT);
        assert_took(began, 199, 200);
        assert_int_equal(refused_get(bearer, NULL, -1), -ECONNREFUSED);
        assert_took(began, 1990, 2100);
        began = now_ms();
        unlink(peer->address.sun_path);
        assert_int_equal(refused_get(bearer, NULL, -1), -ENOENT);
        assert_took(began, 0, 0);
        bearer_close(bearer);
        peer_free(peer);
}

static void test_missing_bearerd_is_told_at_once(void **state) {
        struct peer *peer = peer_new();
        struct bearer *bearer = open_at(peer);
        uint64_t began = now_ms();
        int fd;

        assert_int_equal(refused_get(bearer, NULL, -1), -ENOENT);
        close(listen_at(&peer->address, 1));
        assert_int_equal(refused_get(bearer, NULL, -1), -ECONNREFUSED);
        unlink(peer->address.sun_path);
        fd = open(peer->address.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        close(fd);
        assert_int_equal(refused_get(bearer, NULL, -1), -ECONNREFUSED);
        assert_took(began, 0, 0);
        bearer_close(bearer);
        peer_free(peer);
}

static void test_socket_of_others_is_refused(void **state) {
        struct peer *peer = peer_start(serve_all, NULL);
        struct bearer *bearer = open_at(peer);
        bool root = geteuid() == 0;

        chmod(peer->address.sun_path, 0);
        assert_true(!root || seteuid(65534) == 0);
        assert_int_equal(refused_get(bearer, NULL, -1), -EACCES);
        assert_true(!root || seteuid(0) == 0);
        bearer_close(bearer);
        peer_stop(peer);
}

/* What a child reports: 0, or the line that went wrong. */
#define CHILD_CHECK(condition)                                                                     \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition);             \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)

static void assert_child_is_content(pid_t pid) {
        int status;

        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void child_uses(struct bearer *bearer, struct bearer_token *inherited, unsigned times) {
        struct bearer_token *token = NULL;

        for (unsigned i = 0; i < times; i++) {
                CHILD_CHECK(bearer_get(bearer, "athena", 5000, &token) == 0);
                CHILD_CHECK(strcmp(bearer_token_value(token), bearer_token_value(inherited)) == 0);
                bearer_token_unref(token);
        }
        bearer_token_unref(inherited);
        bearer_close(bearer);
}

/* One connection for each child and grandchild, and the parent still has its first. */
static void test_child_never_uses_the_parents_connection(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = good_get(bearer);

        for (unsigned i = 0; i < 2; i++) {
                pid_t pid = fork();

                if (pid == 0) {
                        pid = fork();
                        if (pid > 0)
                                waitpid(pid, NULL, 0);
                        child_uses(bearer, token, 3);
                        _exit(0);
                }
                assert_child_is_content(pid);
                assert_int_equal(peer->connections, 3 + 2 * i);
                good_get_and_forget(bearer);
                assert_int_equal(peer->connections, 3 + 2 * i);
        }
        assert_int_equal(peer->served[0], 3);
        bearer_token_unref(token);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_child_that_only_closes_leaves_the_parents_connection(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        pid_t pid;

        good_get_and_forget(bearer);
        pid = fork();
        if (pid == 0) {
                bearer_close(bearer);
                _exit(0);
        }
        assert_child_is_content(pid);
        good_get_and_forget(bearer);
        assert_int_equal(peer->connections, 1);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_closing_is_noticed_though_a_child_lives(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        unsigned ended;
        pid_t pid;

        good_get_and_forget(bearer);
        pid = fork();
        if (pid == 0) {
                pause();
                _exit(1);
        }
        bearer_close(bearer);
        for (int i = 0; i < 2000 && peer->ended == 0; i++)
                sleep_ms(1);
        ended = peer->ended;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_int_equal(ended, 1);
        peer_stop(peer);
}

/* As on kernels that know no MADV_WIPEONFORK. */
static void refuse_madvise(void) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 18, 0, 1), /* MADV_WIPEONFORK */
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

        assert_return_code(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), errno);
        assert_return_code(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), errno);
}

/* The handle is made, and used on both sides of a fork, by a process whose kernel wipes nothing. */
static void test_fork_is_noticed_without_wiped_pages(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        pid_t pid = fork();

        if (pid == 0) {
                struct bearer *bearer = NULL;
                struct bearer_token *token = NULL;

                refuse_madvise();
                CHILD_CHECK(bearer_open(peer->address.sun_path, &bearer) == 0);
                CHILD_CHECK(bearer_get(bearer, "athena", 5000, &token) == 0);
                pid = fork();
                if (pid > 0)
                        waitpid(pid, NULL, 0);
                child_uses(bearer, token, pid > 0 ? 5 : 3);
                _exit(0);
        }
        assert_child_is_content(pid);
        assert_int_equal(peer->served[0], 1 + 5);
        assert_int_equal(peer->served[1], 3);
        peer_stop(peer);
}

struct worker {
        struct bearer *bearer;
        struct bearer_token *token;
        pthread_t thread;
        int r;
};

static void *work(void *argument) {
        struct worker *worker = argument;

        for (int i = 0; i < 200 && worker->r == 0; i++) {
                struct bearer_token *token = NULL;

                worker->r = bearer_get(worker->bearer, "athena", 10000, &token);
                if (worker->r == 0 && bearer_token_generation(token) != 42)
                        worker->r = -EBADMSG;
                bearer_token_unref(bearer_token_ref(token));
                bearer_token_unref(token);
                bearer_token_unref(bearer_token_ref(worker->token));
        }
        bearer_token_unref(worker->token);
        return NULL;
}

static void test_eight_threads_share_a_handle(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = good_get(bearer);
        struct worker workers[8];

        for (int i = 0; i < 8; i++) {
                workers[i] = (struct worker){.bearer = bearer, .token = bearer_token_ref(token)};
                pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        }
        bearer_token_unref(token);
        for (int i = 0; i < 8; i++) {
                pthread_join(workers[i].thread, NULL);
                assert_int_equal(workers[i].r, 0);
        }
        assert_int_equal(peer->requests, 1 + 8 * 200);
        bearer_close(bearer);
        peer_stop(peer);
}

static void *wait_for_slow(void *argument) {
        struct worker *worker = argument;
        struct bearer_token *token = NULL;

        worker->r = bearer_get(worker->bearer, "slow", 1000, &token);
        return NULL;
}

static void test_nobody_waits_for_somebody_elses_wait(void **state) {
        struct peer *peer = peer_start(serve_unless_slow, answer_of("200 OK", BODY));
        struct worker worker = {.bearer = open_at(peer)};
        uint64_t began = now_ms();

        pthread_create(&worker.thread, NULL, wait_for_slow, &worker);
        while (atomic_load(&peer->go) == 0)
                sleep_ms(1);
        for (int i = 0; i < 10; i++)
                good_get_and_forget(worker.bearer);
        assert_true(now_ms() - began < 900);
        pthread_join(worker.thread, NULL);
        assert_int_equal(worker.r, BEARER_E_TIMEOUT);
        assert_int_equal(peer->connections, 2);
        bearer_close(worker.bearer);
        peer_stop(peer);
}

static void test_descriptors_are_closed_on_exec_and_at_close(void **state) {
        unsigned before = open_descriptors();
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);

        good_get_and_forget(bearer);
        for (int fd = 3; fd < 1024; fd++) {
                struct stat status;

                if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
                        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        }
        bearer_close(bearer);
        peer_stop(peer);
        assert_int_equal(open_descriptors(), before);
}

static void test_token_outlives_its_handle(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer);
        struct bearer_token *token = good_get(bearer);

        bearer_close(bearer);
        peer_stop(peer);
        assert_ptr_equal(bearer_token_ref(token), token);
        assert_null(bearer_token_unref(token));
        assert_string_equal(bearer_token_value(token), "abc.DEF-_~+/=");
        assert_null(bearer_token_unref(token));
        assert_null(bearer_token_ref(NULL));
        assert_null(bearer_token_unref(NULL));
        assert_null(bearer_close(NULL));
}

/* Looks for the token, which HIDDEN is with all bits turned, in what this process can write. */
static bool memory_holds(const unsigned char *hidden, size_t size) {
        static unsigned char chunk[1 << 16];
        FILE *maps = fopen("/proc/self/maps", "re");
        int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        char line[512], access[8];
        unsigned long from, to;
        bool found = false;

        while (fgets(line, sizeof line, maps)) {
                if (sscanf(line, "%lx-%lx %7s", &from, &to, access) != 3 || access[1] != 'w' ||
                    to - from > 1UL << 30)
                        continue;
                for (; from < to; from += sizeof chunk - size) {
                        ssize_t n = pread(memory, chunk, sizeof chunk, (off_t)from);

                        for (ssize_t i = 0; i + (ssize_t)size <= n; i++) {
                                size_t same = 0;

                                while (same < size &&
                                       (chunk[i + (ssize_t)same] ^ hidden[same]) == 0xff)
                                        same++;
                                found |= same == size;
                        }
                        memset(chunk, 0, sizeof chunk);
                }
        }
        fclose(maps);
        close(memory);
        return found;
}

static void child_forgets(const struct peer *peer) {
        struct bearer *bearer = NULL;
        struct bearer_token *token = NULL;
        unsigned char hidden[64];
        size_t size;

        CHILD_CHECK(bearer_open(peer->address.sun_path, &bearer) == 0);
        CHILD_CHECK(bearer_get(bearer, "athena", 5000, &token) == 0);
        size = strlen(bearer_token_value(token));
        CHILD_CHECK(size >= 32 && size <= sizeof hidden);
        for (size_t i = 0; i < size; i++)
                hidden[i] = (unsigned char)~bearer_token_value(token)[i];
        CHILD_CHECK(memory_holds(hidden, size));
        bearer_token_unref(token);
        CHILD_CHECK(!memory_holds(hidden, size));
        bearer_close(bearer);
        CHILD_CHECK(!memory_holds(hidden, size));
}

/* The child is there before the token is, so that all it knows of it came through libbearer. */
static void test_token_is_wiped_with_its_last_reference(void **state) {
        struct peer *peer = peer_start(serve_all, NULL);
        unsigned char noise[24];
        char token[49], body[512];
        int pipes[2];
        pid_t pid;

        assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
        pid = fork();
        if (pid == 0) {
                char byte;

                CHILD_CHECK(read(pipes[0], &byte, 1) == 1);
                child_forgets(peer);
                _exit(0);
        }
        assert_return_code(getentropy(noise, sizeof noise), errno);
        for (size_t i = 0; i < sizeof noise; i++)
                snprintf(token + 2 * i, 3, "%02x", noise[i]);
        snprintf(body, sizeof body,
                 "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":5," REST "}",
                 token);
        peer_answers(peer, answer_of("200 OK", body));
        assert_int_equal(write(pipes[1], "x", 1), 1);
        assert_child_is_content(pid);
        close(pipes[0]);
        close(pipes[1]);
        peer_stop(peer);
}

static void test_socket_is_named_by_path_url_or_environment(void **state) {
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = NULL;
        char url[256];

        snprintf(url, sizeof url, "unix://%s", peer->address.sun_path);
        assert_int_equal(bearer_open(url, &bearer), 0);
        good_get_and_forget(bearer);
        bearer_close(bearer);

        setenv("BEARERD_SOCKET", url, true);
        assert_int_equal(bearer_open(NULL, &bearer), 0);
        good_get_and_forget(bearer);
        bearer_close(bearer);

        setenv("BEARERD_SOCKET", "unix:relative", true);
        assert_int_equal(bearer_open(NULL, &bearer), -EINVAL);
        setenv("BEARERD_SOCKET", "", true);
        assert_int_equal(bearer_open(NULL, &bearer), 0);
        bearer_close(bearer);
        unsetenv("BEARERD_SOCKET");
        peer_stop(peer);
}

static void test_wrong_arguments_are_refused(void **state) {
        static const char *const names[] = {
                "",    "Athena", "a/b",      "-a",
                "a b", "a?b",    "\xc3\xa4", "a23456789012345678901234567890123"};
        static const char *const sockets[] = {"", "unix:", "unix://host/path", "unix:/path"};
        struct peer *peer = peer_start(serve_all, answer_of("200 OK", BODY));
        struct bearer *bearer = open_at(peer), *none = NULL;
        struct bearer_token *token = good_get(bearer), *newer = NULL;
        char path[109] = {0};

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                assert_int_equal(refused_get(bearer, names[i], -1), BEARER_E_INVALID);
        for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
                assert_int_equal(bearer_open(sockets[i], &none), -EINVAL);
        assert_int_equal(bearer_get(NULL, NULL, -1, &newer), -EINVAL);
        assert_int_equal(bearer_get(bearer, NULL, -2, &newer), -EINVAL);
        assert_int_equal(bearer_get(bearer, NULL, INT_MIN, &newer), -EINVAL);
        assert_int_equal(bearer_get(bearer, NULL, -1, NULL), -EINVAL);
        assert_int_equal(bearer_renew(bearer, NULL, -1, &newer), -EINVAL);
        assert_int_equal(bearer_renew(bearer, token, -2, &newer), -EINVAL);
        assert_int_equal(bearer_open(peer->address.sun_path, NULL), -EINVAL);
        assert_null(newer);
        assert_int_equal(peer->requests, 1);

        memset(path, 'x', 108);
        assert_int_equal(bearer_open(path, &none), -ENAMETOOLONG);
        assert_null(none);
        path[107] = 0;
        assert_int_equal(bearer_open(path, &none), 0);
        bearer_close(none);
        bearer_token_unref(token);
        bearer_close(bearer);
        peer_stop(peer);
}

static void test_every_result_has_a_text_of_its_own(void **state) {
        const char *unknown = bearer_strerror(BEARER_E_PROTOCOL + 1);

        for (int r = 0; r <= BEARER_E_PROTOCOL; r++)
                for (int other = r + 1; other <= BEARER_E_PROTOCOL + 1; other++)
                        assert_string_not_equal(bearer_strerror(r), bearer_strerror(other));
        assert_string_equal(bearer_strerror(-ENOENT), "No such file or directory");
        assert_string_equal(bearer_strerror(INT_MIN), unknown);
        assert_string_equal(bearer_strerror(INT_MAX), unknown);
        assert_string_equal(bearer_strerror(-4000), unknown);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_token_comes_with_all_that_belongs_to_it),
                cmocka_unit_test(test_what_the_endpoint_did_not_say_is_empty),
                cmocka_unit_test(test_request_says_how_long_to_wait),
                cmocka_unit_test(test_renewal_asks_for_a_newer_one_of_the_same_name),
                cmocka_unit_test(test_each_status_has_its_result),
                cmocka_unit_test(test_hostile_bytes_are_a_protocol_error),
                cmocka_unit_test(test_answer_that_breaks_off_is_a_hang_up),
                cmocka_unit_test(test_answer_that_breaks_off_is_asked_for_again),
                cmocka_unit_test(test_hostile_bodies_are_a_protocol_error),
                cmocka_unit_test(test_answer_has_the_name_that_was_asked_for),
                cmocka_unit_test(test_token_may_have_its_longest_size),
                cmocka_unit_test(test_answer_may_have_its_longest_size),
                cmocka_unit_test(test_endless_answer_ends_at_once),
                cmocka_unit_test(test_deadline_is_kept_whatever_the_peer_does),
                cmocka_unit_test(test_signals_neither_cut_short_nor_prolong),
                cmocka_unit_test(test_full_backlog_is_waited_for),
                cmocka_unit_test(test_connection_is_kept_between_calls),
                cmocka_unit_test(test_connection_is_not_kept_where_bearerd_ends_it),
                cmocka_unit_test(test_dead_kept_connection_costs_nothing),
                cmocka_unit_test(test_unasked_answer_is_for_nobody),
                cmocka_unit_test(test_hang_up_is_tried_once_more),
                cmocka_unit_test(test_answer_to_an_unread_request_counts),
                cmocka_unit_test(test_restart_is_waited_for),
                cmocka_unit_test(test_missing_bearerd_is_told_at_once),
                cmocka_unit_test(test_socket_of_others_is_refused),
                cmocka_unit_test(test_child_never_uses_the_parents_connection),
                cmocka_unit_test(test_child_that_only_closes_leaves_the_parents_connection),
                cmocka_unit_test(test_closing_is_noticed_though_a_child_lives),
                cmocka_unit_test(test_fork_is_noticed_without_wiped_pages),
                cmocka_unit_test(test_eight_threads_share_a_handle),
                cmocka_unit_test(test_nobody_waits_for_somebody_elses_wait),
                cmocka_unit_test(test_descriptors_are_closed_on_exec_and_at_close),
                cmocka_unit_test(test_token_outlives_its_handle),
                cmocka_unit_test(test_token_is_wiped_with_its_last_reference),
                cmocka_unit_test(test_socket_is_named_by_path_url_or_environment),
                cmocka_unit_test(test_wrong_arguments_are_refused),
                cmocka_unit_test(test_every_result_has_a_text_of_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
