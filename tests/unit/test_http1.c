/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/http1.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* Parses a copy that ends where it ends: a sanitizer sees a byte too far. */
static ssize_t parse(struct slice data, struct http1_request *ret_request, const char **ret_why) {
        static char *copy;

        free(copy);
        copy = malloc(data.size + 1);
        assert_non_null(copy);
        memcpy(copy + 1, data.data, data.size);
        return http1_request_parse((struct slice){copy + 1, data.size}, ret_request, ret_why);
}

static void test_a_request_is_read_whole(void **state) {
        const struct slice data = SLICE("POST /v1/token?wait=1&a?b HTTP/1.1\r\n"
                                        "Host: x\r\n"
                                        "ACCEPT:text/plain\r\n"
                                        "authorization: \tBasic abc= \t\r\n"
                                        "Content-type: application/x-www-form-urlencoded\r\n"
                                        "X-Other: caf\xc3\xa9 \"'\t.\r\n"
                                        "content-length: 5\r\n"
                                        "Empty:\r\n"
                                        "LAST-event-id: 42\r\n"
                                        "Cache-Control: no-cache\r\n"
                                        "\r\nhello");
        struct http1_request request;
        const char *why;

        assert_int_equal(parse(data, &request, &why), data.size);
        assert_true(slice_is(request.method, "POST"));
        assert_true(slice_is(request.path, "/v1/token"));
        assert_true(slice_is(request.query, "wait=1&a?b"));
        assert_true(slice_is(request.accept, "text/plain"));
        assert_true(slice_is(request.authorization, "Basic abc="));
        assert_true(slice_is(request.content_type, "application/x-www-form-urlencoded"));
        assert_true(slice_is(request.last_event_id, "42"));
        assert_true(slice_is(request.body, "hello"));
        assert_int_equal(request.keep_alive, HTTP1_KEPT);
        assert_int_equal(request.minor, 1);
}

static void test_every_beginning_of_a_request_wants_more(void **state) {
        const struct slice data = SLICE("\r\nPOST /v1/token HTTP/1.1\r\nHost:\r\nAccept: a/b\r\n"
                                        "Content-Length: 3\r\n\r\nabc");
        struct http1_request request;
        const char *why;

        for (size_t size = 0; size < data.size; size++)
                if (parse((struct slice){data.data, size}, &request, &why) != 0)
                        fail_msg("at %zu", size);
        assert_int_equal(parse(data, &request, &why), data.size);
        assert_int_equal(http1_request_parse((struct slice){NULL, 0}, &request, &why), 0);
}

static void test_pipelined_requests_are_taken_one_by_one(void **state) {
        struct slice data = SLICE("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /b "
                                  "HTTP/1.1\r\n\r\nGET /c");
        struct http1_request request;
        const char *why;
        ssize_t size;

        size = parse(data, &request, &why);
        assert_true(size > 0);
        assert_true(slice_is(request.path, "/a"));
        assert_true(slice_is(request.body, "hi"));
        data = (struct slice){data.data + size, data.size - (size_t)size};
        size = parse(data, &request, &why);
        assert_true(size > 0);
        assert_true(slice_is(request.path, "/b"));
        assert_true(slice_is(request.body, ""));
        data = (struct slice){data.data + size, data.size - (size_t)size};
        assert_int_equal(parse(data, &request, &why), 0);
}

static const struct {
        const char *target;
        const char *path; /* NULL: refused */
        const char *query;
} targets[] = {
        {"/", "/", ""},
        {"/a", "/a", ""},
        {"/a?", "/a", ""},
        {"/a?b", "/a", "b"},
        {"/a?b?c", "/a", "b?c"},
        {"//a", "//a", ""},
        {"/%41!~", "/%41!~", ""},
        {"http://localhost/a?b", "/a", "b"},
        {"HTTP://u@h:80/a", "/a", ""},
        {"http://h", "/", ""},
        {"http://h?b", "/", "b"},
        {"http:///a", "/a", ""},
        {"/a?http://h/", "/a", "http://h/"},
        {"", NULL, NULL},
        {" ", NULL, NULL},
        {"*", NULL, NULL},
        {"?a", NULL, NULL},
        {"a", NULL, NULL},
        {"h:80", NULL, NULL},
        {"https://h/a", NULL, NULL},
        {"http:/h/a", NULL, NULL},
        {" /a", NULL, NULL},
        {"/a ", NULL, NULL},
        {"/a b", NULL, NULL},
        {"/a\tb", NULL, NULL},
        {"/caf\xc3\xa9", NULL, NULL},
        {"http://h\xc3\xa9/a", NULL, NULL},
};

static void test_targets_are_a_path_and_a_query(void **state) {
        for (size_t i = 0; i < LENGTH(targets); i++) {
                struct buffer data = BUFFER_INIT(1024);
                struct http1_request request;
                const char *why = NULL;
                ssize_t size;

                buffer_printf(&data, "GET %s HTTP/1.1\r\n\r\n", targets[i].target);
                size = parse(buffer_slice(&data), &request, &why);
                if (!targets[i].path) {
                        if (size != -EBADMSG || !why)
                                fail_msg("case %zu: %s", i, targets[i].target);
                } else if (size != (ssize_t)data.size || !slice_is(request.path, targets[i].path) ||
                           !slice_is(request.query, targets[i].query)) {
                        fail_msg("case %zu: %s", i, targets[i].target);
                }
                buffer_deinit(&data);
        }
}

static const struct {
        const char *head;
        enum http1_keep_alive keep_alive;
} connections[] = {
        {"GET / HTTP/1.1\r\n\r\n", HTTP1_KEPT},
        {"GET / HTTP/1.0\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", HTTP1_KEPT},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", HTTP1_KEPT_AND_TOLD},
        {"GET / HTTP/1.0\r\nconnection: keep-alive, close\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nConnection: TE ,\tclose\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nConnection: ,,close,\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nConnection: TE\r\nConnection: close\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", HTTP1_KEPT},
        {"GET / HTTP/1.1\r\nConnection: not close\r\n\r\n", HTTP1_KEPT},
        {"GET / HTTP/1.1\r\nConnection:\r\n\r\n", HTTP1_KEPT},
        {"GET / HTTP/1.0\r\nConnection: TE\r\n\r\n", HTTP1_CLOSED},
        {"GET / HTTP/1.1\r\nX-Connection: close\r\n\r\n", HTTP1_KEPT},
        {"HEAD / HTTP/1.1\r\n\r\n", HTTP1_CLOSED},
};

static void test_a_connection_is_kept_as_the_peer_wants_it(void **state) {
        for (size_t i = 0; i < LENGTH(connections); i++) {
                struct http1_request request;
                const char *why;

                if (parse(slice_of(connections[i].head), &request, &why) <= 0 ||
                    request.keep_alive != connections[i].keep_alive)
                        fail_msg("case %zu: %s", i, connections[i].head);
        }
}

static const struct slice served[] = {
        SLICE_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        SLICE_INIT("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\r\nAccept: a/b\r\nAccept: c/d\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\r\nContent-Length:  00000  \r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.0\r\nX: \x80\xff\t\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\r\nTransfer_Encoding: chunked\r\n\r\n"),
        SLICE_INIT("\r\nGET / HTTP/1.1\r\n\r\n"),
};

static void test_what_does_not_matter_is_served(void **state) {
        for (size_t i = 0; i < LENGTH(served); i++) {
                struct http1_request request;
                const char *why;

                if (parse(served[i], &request, &why) != (ssize_t)served[i].size)
                        fail_msg("case %zu: %s", i, served[i].data);
        }
}

static const struct {
        struct slice data;
        const char *why;
} refused[] = {
        {SLICE_INIT("\n"), "bare LF"},
        {SLICE_INIT("\0"), "control character"},
        {SLICE_INIT("\x16\x03\x01\x02"), "control character"},
        {SLICE_INIT("GET / HTTP/1.1\n\n"), "bare LF"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\n\r\n"), "bare LF"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: 1234567890\n1234567890"), "bare LF"},
        {SLICE_INIT("GET / HTTP/1.1\r\rA: b"), "CR without LF"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"), "CR without LF"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: 1234567890\r1234567890"), "CR without LF"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"), "control character"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: 12345678\0001234567890"), "control character"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n"), "control character"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: 12345678\x7f"
                    "12345678"),
         "control character"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\x1f\r\n\r\n"), "control character"},
        {SLICE_INIT("GET /\v HTTP/1.1\r\n\r\n"), "control character"},
        {SLICE_INIT("\r\n\r\n"), "request line"},
        {SLICE_INIT("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), "request line"},
        {SLICE_INIT(" GET / HTTP/1.1\r\n\r\n"), "request line"},
        {SLICE_INIT("GET\r\n\r\n"), "request line"},
        {SLICE_INIT("GET\t/ HTTP/1.1\r\n\r\n"), "request line"},
        {SLICE_INIT("G(T / HTTP/1.1\r\n\r\n"), "request line"},
        {SLICE_INIT("G\xc3\xa9T / HTTP/1.1\r\n\r\n"), "request line"},
        {SLICE_INIT("GET /\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET HTTP/1.1\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET \r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET / HTTP/2.0\r\n"), "HTTP/1.0"},
        {SLICE_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET / HTTP/0.9\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET / HTTP/1.2\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET / http/1.1\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET / HTTP/1.1 \r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET / HTTP/1.10\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET /\tHTTP/1.1\r\n"), "HTTP/1.0"},
        {SLICE_INIT("GET  / HTTP/1.1\r\n"), "target"},
        {SLICE_INIT("GET /  HTTP/1.1\r\n"), "target"},
        {SLICE_INIT("GET / HTTP/1.1\r\n A: b\r\n"), "folded"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\r\n c\r\n"), "folded"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n"), "folded"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA: b\r\n \r\n"), "folded"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA : b\r\n"), "name: value"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA\t: b\r\n"), "name: value"},
        {SLICE_INIT("GET / HTTP/1.1\r\n: b\r\n"), "name: value"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA\r\n"), "name: value"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA B: c\r\n"), "name: value"},
        {SLICE_INIT("GET / HTTP/1.1\r\nA\xc3\xa9: c\r\n"), "name: value"},
        {SLICE_INIT("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"), "Transfer-Encoding"},
        {SLICE_INIT("GET / HTTP/1.1\r\ntransfer-encoding:\r\n"), "Transfer-Encoding"},
        {SLICE_INIT("GET / HTTP/1.1\r\nTRANSFER-ENCODING: identity\r\n"), "Transfer-Encoding"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n"),
         "second Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length:\r\ncontent-length: 1\r\n"),
         "second Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nAuthorization: a\r\nAuthorization: a\r\n"),
         "second Authorization"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Type: a\r\nContent-Type: a\r\n"),
         "second Content-Type"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length:\r\n\r\n"), "Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), "Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), "Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n"), "Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: 1 1\r\n\r\n"), "Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n"), "Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: 8193\r\n\r\n"), "Content-Length"},
        {SLICE_INIT("GET / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\n"),
         "Content-Length"},
};

static void test_what_is_no_request_here_is_refused_with_the_reason(void **state) {
        for (size_t i = 0; i < LENGTH(refused); i++) {
                struct http1_request request = {.minor = 99};
                const char *why = NULL;

                if (parse(refused[i].data, &request, &why) != -EBADMSG || !why ||
                    !strstr(why, refused[i].why) || request.minor != 99)
                        fail_msg("case %zu: %s: %s", i, refused[i].data.data, why ? why : "");
        }
}

/* RFC 9110 5.6.2, for every byte there is. */
static void test_names_and_methods_are_tokens(void **state) {
        for (int c = 1; c < 256; c++) {
                char data[] = "GE? / HTTP/1.1\r\nNa?me: x\r\n\r\n";
                bool is_token = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                                (c >= 'a' && c <= 'z') || strchr("!#$%&'*+-.^_`|~", c);
                struct http1_request request;
                const char *why;

                data[2] = (char)c;
                data[18] = 'X';
                if ((parse(slice_of(data), &request, &why) > 0) != is_token)
                        fail_msg("method with %d", c);
                data[2] = 'T';
                data[18] = (char)c;
                if ((parse(slice_of(data), &request, &why) > 0) != (is_token || c == ':'))
                        fail_msg("name with %d", c);
        }
}

/* A control character at every place relative to the eight bytes that are looked at together. */
static void test_a_control_character_is_found_wherever_it_is(void **state) {
        for (size_t at = 0; at < 32; at++) {
                for (int c = 0; c < 256; c++) {
                        char data[] =
                                "GET / HTTP/1.1\r\nA:01234567890123456789012345678901\r\n\r\n";
                        struct slice slice = SLICE(data);
                        bool is_text = c == '\t' || (c >= 0x20 && c != 0x7f);
                        struct http1_request request;
                        const char *why;

                        data[18 + at] = (char)c;
                        if ((parse(slice, &request, &why) > 0) != is_text)
                                fail_msg("%d at %zu", c, at);
                }
        }
}

/* A head of SIZE bytes, with its empty line if IS_WHOLE. */
static void head_of(struct buffer *data, size_t size, bool is_whole) {
        buffer_append_text(data, "GET / HTTP/1.1\r\nA: ");
        while (data->size < size - (is_whole ? 4 : 0))
                buffer_append_char(data, 'x');
        if (is_whole)
                buffer_append_text(data, "\r\n\r\n");
}

static void test_a_head_at_the_limit_is_served_and_one_past_it_is_not(void **state) {
        static const struct {
                size_t size;
                bool is_whole;
                ssize_t result;
        } heads[] = {
                {HTTP1_HEAD_MAX, true, HTTP1_HEAD_MAX}, {HTTP1_HEAD_MAX + 1, true, -EBADMSG},
                {HTTP1_HEAD_MAX - 1, false, 0},         {HTTP1_HEAD_MAX, false, -EBADMSG},
                {HTTP1_HEAD_MAX * 4, false, -EBADMSG},
        };

        for (size_t i = 0; i < LENGTH(heads); i++) {
                struct buffer data = BUFFER_INIT(HTTP1_HEAD_MAX * 4);
                struct http1_request request;
                const char *why = "";
                ssize_t result;

                head_of(&data, heads[i].size, heads[i].is_whole);
                assert_int_equal(data.size, heads[i].size);
                result = parse(buffer_slice(&data), &request, &why);
                if (result != heads[i].result || (result < 0 && !strstr(why, "8192")))
                        fail_msg("case %zu: %zd %s", i, result, why);
                buffer_deinit(&data);
        }
}

static void test_a_head_at_the_limit_may_have_a_body_behind_it(void **state) {
        for (size_t size = HTTP1_BODY_MAX; size <= HTTP1_BODY_MAX + 1; size++) {
                struct buffer data = BUFFER_INIT(HTTP1_HEAD_MAX + HTTP1_BODY_MAX);
                struct http1_request request;
                const char *why;
                ssize_t result;

                buffer_printf(&data, "POST / HTTP/1.1\r\nContent-Length: %zu\r\nA: ", size);
                while (data.size < HTTP1_HEAD_MAX - 4)
                        buffer_append_char(&data, 'x');
                buffer_append_text(&data, "\r\n\r\n");
                while (data.size < HTTP1_HEAD_MAX + HTTP1_BODY_MAX - 1)
                        buffer_append_char(&data, 'b');
                result = parse(buffer_slice(&data), &request, &why);
                assert_int_equal(result, size == HTTP1_BODY_MAX ? 0 : -EBADMSG);
                buffer_append_char(&data, 'b');
                result = parse(buffer_slice(&data), &request, &why);
                if (size == HTTP1_BODY_MAX) {
                        assert_int_equal(result, HTTP1_HEAD_MAX + HTTP1_BODY_MAX);
                        assert_int_equal(request.body.size, HTTP1_BODY_MAX);
                } else {
                        assert_int_equal(result, -EBADMSG);
                }
                buffer_deinit(&data);
        }
}

static void test_headers_at_the_limit_are_served_and_one_more_is_not(void **state) {
        for (size_t n = HTTP1_FIELDS_MAX; n <= HTTP1_FIELDS_MAX + 1; n++) {
                struct buffer data = BUFFER_INIT(HTTP1_HEAD_MAX);
                struct http1_request request;
                const char *why = "";
                ssize_t result;

                buffer_append_text(&data, "GET / HTTP/1.1\r\n");
                for (size_t i = 0; i < n; i++)
                        buffer_append_text(&data, "A: b\r\n");
                buffer_append_text(&data, "\r\n");
                result = parse(buffer_slice(&data), &request, &why);
                if (n == HTTP1_FIELDS_MAX) {
                        assert_int_equal(result, data.size);
                } else {
                        assert_int_equal(result, -EBADMSG);
                        assert_non_null(strstr(why, "64"));
                }
                buffer_deinit(&data);
        }
}

static void test_the_first_accept_is_the_one(void **state) {
        struct http1_request request;
        const char *why;

        assert_true(parse(SLICE("GET / HTTP/1.1\r\nAccept: a/b\r\nAccept: c/d\r\n\r\n"), &request,
                          &why) > 0);
        assert_true(slice_is(request.accept, "a/b"));
}

static void test_requests_that_are_written_can_be_read(void **state) {
        struct buffer data = BUFFER_INIT(1024);
        struct http1_request request;
        const char *why;

        http1_request_render(&data, "GET", "/v1/token?wait=1", "text/plain");
        assert_true(slice_is(buffer_slice(&data), "GET /v1/token?wait=1 HTTP/1.1\r\n"
                                                  "Host: localhost\r\n"
                                                  "Accept: text/plain\r\n\r\n"));
        assert_int_equal(parse(buffer_slice(&data), &request, &why), data.size);
        assert_true(slice_is(request.path, "/v1/token"));
        assert_true(slice_is(request.query, "wait=1"));
        buffer_clear(&data);
        http1_request_render(&data, "POST", "/x", NULL);
        assert_true(slice_is(buffer_slice(&data), "POST /x HTTP/1.1\r\n"
                                                  "Host: localhost\r\n"
                                                  "Content-Length: 0\r\n\r\n"));
        assert_int_equal(parse(buffer_slice(&data), &request, &why), data.size);
        buffer_deinit(&data);
}

static void test_a_head_says_what_its_answer_is(void **state) {
        struct buffer out = BUFFER_INIT(1024);

        http1_head_render(&out, 200, "application/json", 1234, 0, NULL, HTTP1_KEPT);
        assert_true(slice_is(buffer_slice(&out), "HTTP/1.1 200 OK\r\n"
                                                 "Cache-Control: no-store\r\n"
                                                 "Content-Type: application/json\r\n"
                                                 "Content-Length: 1234\r\n\r\n"));
        buffer_clear(&out);
        http1_head_render(&out, 405, "text/plain", 0, 30, "GET", HTTP1_CLOSED);
        assert_true(slice_is(buffer_slice(&out), "HTTP/1.1 405 Method Not Allowed\r\n"
                                                 "Cache-Control: no-store\r\n"
                                                 "Content-Type: text/plain\r\n"
                                                 "Retry-After: 30\r\n"
                                                 "Allow: GET\r\n"
                                                 "Connection: close\r\n"
                                                 "Content-Length: 0\r\n\r\n"));
        buffer_clear(&out);
        http1_head_render(&out, 200, "text/plain", 7, 0, NULL, HTTP1_KEPT_AND_TOLD);
        assert_true(slice_is(buffer_slice(&out), "HTTP/1.1 200 OK\r\n"
                                                 "Cache-Control: no-store\r\n"
                                                 "Content-Type: text/plain\r\n"
                                                 "Connection: keep-alive\r\n"
                                                 "Content-Length: 7\r\n\r\n"));
        buffer_deinit(&out);
}

static void test_every_status_has_its_reason_and_reads_back(void **state) {
        static const struct {
                int status;
                const char *line;
        } lines[] = {
                {200, "HTTP/1.1 200 OK\r\n"},
                {202, "HTTP/1.1 202 Accepted\r\n"},
                {400, "HTTP/1.1 400 Bad Request\r\n"},
                {403, "HTTP/1.1 403 Forbidden\r\n"},
                {404, "HTTP/1.1 404 Not Found\r\n"},
                {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
                {429, "HTTP/1.1 429 Too Many Requests\r\n"},
                {500, "HTTP/1.1 500 Internal Server Error\r\n"},
                {502, "HTTP/1.1 502 Bad Gateway\r\n"},
                {503, "HTTP/1.1 503 Service Unavailable\r\n"},
                {504, "HTTP/1.1 504 Gateway Timeout\r\n"},
        };

        for (size_t i = 0; i < LENGTH(lines); i++) {
                struct buffer out = BUFFER_INIT(1024);
                struct http1_response response;

                http1_head_render(&out, lines[i].status, "a/b", 2, i, NULL,
                                  i % 2 ? HTTP1_KEPT : HTTP1_CLOSED);
                buffer_append_text(&out, "hi");
                assert_memory_equal(out.data, lines[i].line, strlen(lines[i].line));
                assert_int_equal(http1_response_parse(buffer_slice(&out), &response), out.size);
                assert_int_equal(response.status, lines[i].status);
                assert_int_equal(response.retry_after, i);
                assert_int_equal(response.keep_alive, i % 2);
                assert_true(slice_is(response.content_type, "a/b"));
                assert_true(slice_is(response.body, "hi"));
                buffer_deinit(&out);
        }
}

#define LENGTH_0 "Content-Length: 0\r\n\r\n"

static const struct {
        const char *data;
        ssize_t result; /* 1: all of it */
} responses[] = {
        {"HTTP/1.1 200 OK\r\n" LENGTH_0, 1},
        {"HTTP/1.0 299 \r\n" LENGTH_0, 1},
        {"HTTP/1.1 200 caf\xc3\xa9 (x)\r\n" LENGTH_0, 1},
        {"HTTP/1.1 599 x\r\n" LENGTH_0, 1},
        {"HTTP/1.1 204 x\r\n\r\n", 1},
        {"HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", 1},
        {"HTTP/1.1 200 OK\r\nRetry-After: 0\r\n" LENGTH_0, 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n", 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n", -EBADMSG},
        {"HTTP/1.1 200 OK\r\n\r\n", -EBADMSG},
        {"HTTP/1.1 199 x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 100 x\r\n\r\n", -EBADMSG},
        {"HTTP/1.1 600 x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 200\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 2000 x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1  200 x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 20 OK x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 +20 x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.2 200 x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/2 200 xxx\r\n" LENGTH_0, -EBADMSG},
        {"http/1.1 200 x\r\n" LENGTH_0, -EBADMSG},
        {"\r\nHTTP/1.1 200 x\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 200 x\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 200 OK\r\nRetry-After: soon\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 200 OK\r\nRetry-After: 18446744073709551616\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 200 OK\r\nRetry-After: 1\r\nRetry-After: 1\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" LENGTH_0, -EBADMSG},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", -EBADMSG},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" LENGTH_0, -EBADMSG},
};

static void test_responses_are_read_as_strictly(void **state) {
        for (size_t i = 0; i < LENGTH(responses); i++) {
                struct slice data = slice_of(responses[i].data);
                struct http1_response response;
                ssize_t result = http1_response_parse(data, &response);

                if (result != (responses[i].result == 1 ? (ssize_t)data.size : responses[i].result))
                        fail_msg("case %zu: %zd %s", i, result, responses[i].data);
                if (result > 0 && response.body.size != 0)
                        fail_msg("case %zu: a body", i);
        }
}

static void test_answer_without_a_length_goes_on_until_the_end_of_a_stream_alone(void **state) {
        static const struct {
                const char *head, *body;
                ssize_t size; /* 1: of head and body, 2: of the head */
        } cases[] = {
                {"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n", "id: 1\n", 2},
                {"HTTP/1.1 200 OK\r\n\r\n", "", 2},
                {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "hi", 1},
                {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "hi", 0},
                {"HTTP/1.1 200 OK\r\n", "", 0},
                {"HTTP/1.1 204 x\r\n\r\n", "", 1},
                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", -EBADMSG},
        };

        for (size_t i = 0; i < LENGTH(cases); i++) {
                struct buffer data = BUFFER_INIT(1024);
                struct http1_response response;
                ssize_t expected = cases[i].size, size;

                buffer_append_text(&data, cases[i].head);
                if (cases[i].size == 2)
                        expected = (ssize_t)data.size;
                buffer_append_text(&data, cases[i].body);
                if (cases[i].size == 1)
                        expected = (ssize_t)data.size;
                size = http1_stream_parse(buffer_slice(&data), &response);
                if (size != expected || (size > 0 && response.is_endless != (cases[i].size == 2)))
                        fail_msg("case %zu: %zd", i, size);
                if (cases[i].size == 2)
                        assert_int_equal(http1_response_parse(buffer_slice(&data), &response),
                                         -EBADMSG);
                buffer_deinit(&data);
        }
}

static void test_every_beginning_of_a_response_wants_more(void **state) {
        const struct slice data = SLICE("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        struct http1_response response;

        for (size_t size = 0; size < data.size; size++)
                assert_int_equal(http1_response_parse((struct slice){data.data, size}, &response),
                                 0);
        assert_int_equal(http1_response_parse(data, &response), data.size);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_request_is_read_whole),
                cmocka_unit_test(test_every_beginning_of_a_request_wants_more),
                cmocka_unit_test(test_pipelined_requests_are_taken_one_by_one),
                cmocka_unit_test(test_targets_are_a_path_and_a_query),
                cmocka_unit_test(test_a_connection_is_kept_as_the_peer_wants_it),
                cmocka_unit_test(test_what_does_not_matter_is_served),
                cmocka_unit_test(test_what_is_no_request_here_is_refused_with_the_reason),
                cmocka_unit_test(test_names_and_methods_are_tokens),
                cmocka_unit_test(test_a_control_character_is_found_wherever_it_is),
                cmocka_unit_test(test_a_head_at_the_limit_is_served_and_one_past_it_is_not),
                cmocka_unit_test(test_a_head_at_the_limit_may_have_a_body_behind_it),
                cmocka_unit_test(test_headers_at_the_limit_are_served_and_one_more_is_not),
                cmocka_unit_test(test_the_first_accept_is_the_one),
                cmocka_unit_test(test_requests_that_are_written_can_be_read),
                cmocka_unit_test(test_a_head_says_what_its_answer_is),
                cmocka_unit_test(test_every_status_has_its_reason_and_reads_back),
                cmocka_unit_test(test_responses_are_read_as_strictly),
                cmocka_unit_test(
                        test_answer_without_a_length_goes_on_until_the_end_of_a_stream_alone),
                cmocka_unit_test(test_every_beginning_of_a_response_wants_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
