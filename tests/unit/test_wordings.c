/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wordings.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

#define PLACES_MAX    (WORDINGS_ROWS_MAX * WORDINGS_PER_ROW)

static struct wordings wordings;

static int setup(void **state) {
        wordings = (struct wordings){0};
        wordings_fit(&wordings, WORDINGS_ROWS_MAX);
        return 0;
}

/* As bearerd does with what it has not found. */
static void read_and_keep(struct slice text, struct http1_request *ret_http,
                          struct api_request *ret_meaning) {
        struct api_error error;
        const char *why;

        assert_int_equal(http1_request_parse(text, ret_http, &why), text.size);
        assert_int_equal(api_request_parse(ret_http, ret_meaning, &error), 0);
        wordings_keep(&wordings, ret_http, ret_meaning);
}

static void test_what_came_before_means_the_same(void **state) {
        static const struct slice requests[] = {
                SLICE_INIT("GET /v1/token HTTP/1.1\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.0\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                SLICE_INIT("GET /v1/tokens HTTP/1.1\r\nHost:\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.1\r\nAccept: text/plain\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.1\r\nConnection: close\r\n\r\n"),
                SLICE_INIT("GET /v1/tokens/a?wait=0&min_valid=7 HTTP/1.1\r\nHost: x\r\n\r\n"),
                SLICE_INIT("GET /v1/tokens/b?wait=0&min_valid=7 HTTP/1.1\r\nHost: x\r\n\r\n"),
                SLICE_INIT("GET /v1/tokens/a?min_valid=300 HTTP/1.1\r\nHost: x\r\n"
                           "User-Agent: curl/7.88.1\r\nAccept-Encoding: gzip\r\n\r\n"),
        };

        for (size_t round = 0; round < 2; round++)
                for (size_t i = 0; i < LENGTH(requests); i++) {
                        const struct wording *found = wordings_find(&wordings, requests[i]);
                        struct http1_request http;
                        struct api_request meaning;

                        if (round == 0)
                                assert_null(found);
                        read_and_keep(requests[i], &http, &meaning);
                        found = wordings_find(&wordings, requests[i]);
                        assert_non_null(found);
                        assert_int_equal(found->keep_alive, http.keep_alive);
                        assert_int_equal(found->meaning.route, meaning.route);
                        assert_string_equal(found->meaning.name, meaning.name);
                        assert_int_equal(found->meaning.name_is_hint, meaning.name_is_hint);
                        assert_int_equal(found->meaning.format, meaning.format);
                        assert_int_equal(found->meaning.min_valid, meaning.min_valid);
                        assert_int_equal(found->meaning.wait, meaning.wait);
                }
}

static void test_what_may_be_a_secret_is_not_kept(void **state) {
        static const struct slice requests[] = {
                SLICE_INIT("GET /v1/token HTTP/1.1\r\nAuthorization: Basic eDp5\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.1\r\nAuthorization:\r\n\r\n"),
                SLICE_INIT("GET http://user:secret@x/v1/token HTTP/1.1\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.1\r\nCookie: session=1\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.1\r\nX-Key: 1\r\nHost: x\r\n\r\n"),
                SLICE_INIT("GET /v1/token HTTP/1.1\r\nContent-Length: 4\r\n\r\n1234"),
                SLICE_INIT("POST /oauth2/v1/token HTTP/1.1\r\nContent-Length: 29\r\nContent-Type: "
                           "application/x-www-form-urlencoded\r\n\r\n"
                           "grant_type=client_credentials"),
        };
        static const struct wordings none;

        for (size_t i = 0; i < LENGTH(requests); i++) {
                struct http1_request http;
                struct api_request meaning;

                read_and_keep(requests[i], &http, &meaning);
                assert_null(wordings_find(&wordings, requests[i]));
        }
        assert_memory_equal(&wordings.rows, &none.rows, sizeof none.rows);
}

/* A request of SIZE bytes in all, which says its size. */
static struct slice request_of(char text[static 512], size_t size) {
        int head = snprintf(text, 512, "GET /v1/tokens/t%zu HTTP/1.1\r\nHost: ", size);

        memset(text + head, 'x', size - (size_t)head - 4);
        memcpy(text + size - 4, "\r\n\r\n", 4);
        return (struct slice){text, size};
}

static void test_limit_of_size(void **state) {
        struct http1_request http;
        struct api_request meaning;
        char text[512];

        read_and_keep(request_of(text, WORDING_SIZE_MAX), &http, &meaning);
        assert_non_null(wordings_find(&wordings, request_of(text, WORDING_SIZE_MAX)));
        read_and_keep(request_of(text, WORDING_SIZE_MAX + 1), &http, &meaning);
        assert_null(wordings_find(&wordings, request_of(text, WORDING_SIZE_MAX + 1)));
}

/* Of a request, or of two, that have not come so. */
static void test_nothing_else_is_found(void **state) {
        static const char both[] =
                "GET /v1/tokens/a HTTP/1.1\r\n\r\nGET /v1/tokens/a HTTP/1.1\r\n\r\n";
        const size_t size = (sizeof both - 1) / 2;
        struct http1_request http;
        struct api_request meaning;

        assert_null(wordings_find(&wordings, (struct slice){NULL, 0}));
        read_and_keep((struct slice){both, size}, &http, &meaning);
        for (size_t i = 0; i < sizeof both; i++)
                assert_int_equal(wordings_find(&wordings, (struct slice){both, i}) != NULL,
                                 i == size);
}

/* The hash as wire/wordings has it, of words: who knows it makes others that have the same. */
static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t hash_of(const uint64_t *words, size_t n) {
        uint64_t hash = n * sizeof *words;

        for (size_t i = 0; i < n; i++)
                hash = (hash ^ words[i]) * golden;
        return hash;
}

static uint64_t inverse_of(uint64_t odd) {
        uint64_t inverse = odd;

        for (int i = 0; i < 6; i++) /* Newton: each time twice as many bits are right */
                inverse *= 2 - odd * inverse;
        return inverse;
}

static void test_what_has_the_same_hash_is_told_apart(void **state) {
        static const char text[] = "GET /v1/token HTTP/1.1\r\nHost: abcdef\r\n\r\n";
        const struct slice request = {text, sizeof text - 1};
        uint64_t words[(sizeof text - 1) / sizeof(uint64_t)], hash;
        struct http1_request http;
        struct api_request meaning;

        assert_int_equal(request.size, sizeof words);
        memcpy(words, text, sizeof words);
        hash = hash_of(words, LENGTH(words));
        read_and_keep(request, &http, &meaning);
        assert_int_equal(wordings_find(&wordings, request)->hash, hash);

        words[1] ^= (sizeof words ^ words[0]) * golden;
        words[0] ^= 1;
        words[1] ^= (sizeof words ^ words[0]) * golden;
        assert_int_equal(hash_of(words, LENGTH(words)), hash);
        assert_null(wordings_find(&wordings, (struct slice){(char *)words, sizeof words}));

        words[1] = hash * inverse_of(golden) ^ (2 * sizeof(uint64_t) ^ words[0]) * golden;
        assert_int_equal(hash_of(words, 2), hash);
        assert_null(wordings_find(&wordings, (struct slice){(char *)words, 2 * sizeof *words}));
}

/* More of them than there are places: each that is found means what it said. */
static void test_who_comes_later_takes_the_place(void **state) {
        const unsigned n = 4 * PLACES_MAX;
        unsigned n_found = 0;
        char text[512];

        for (unsigned round = 0; round < 2; round++)
                for (unsigned i = 0; i < n; i++) {
                        const struct wording *found;
                        struct http1_request http;
                        struct api_request meaning;
                        int size = snprintf(text, sizeof text,
                                            "GET /v1/tokens/t%u HTTP/1.1\r\nHost: x\r\n\r\n", i);
                        struct slice request = {text, (size_t)size};

                        if (round == 0) {
                                read_and_keep(request, &http, &meaning);
                                continue;
                        }
                        found = wordings_find(&wordings, request);
                        if (!found)
                                continue;
                        snprintf(text, sizeof text, "t%u", i);
                        assert_string_equal(found->meaning.name, text);
                        n_found++;
                }
        assert_in_range(n_found, PLACES_MAX / 2, PLACES_MAX);
}

static size_t used(void) {
        size_t n = 0;

        for (size_t i = 0; i < PLACES_MAX; i++)
                n += wordings.rows[i / WORDINGS_PER_ROW].all[i % WORDINGS_PER_ROW].size > 0;
        return n;
}

/* Whatever comes. */
static void keep_many(const char *key) {
        char text[512];

        for (unsigned i = 1; i <= 4 * PLACES_MAX; i++) {
                struct http1_request http;
                struct api_request meaning;
                int size =
                        snprintf(text, sizeof text, "GET /v1/token?%s=%u HTTP/1.1\r\n\r\n", key, i);

                read_and_keep((struct slice){text, (size_t)size}, &http, &meaning);
        }
}

static void test_there_are_as_many_places_as_the_tokens_need(void **state) {
        static const struct wordings none;
        static const struct {
                size_t n_tokens, n_rows;
        } fits[] = {{1000, 1024}, {1, 16}, {17, 32}, {64, 64}, {100000, 1024}, {0, 16}};

        for (size_t i = 0; i < LENGTH(fits); i++) {
                wordings_fit(&wordings, fits[i].n_tokens);
                assert_int_equal(used(), 0);
                keep_many("min_valid");
                assert_int_equal(used(), fits[i].n_rows * WORDINGS_PER_ROW);
        }
        wordings = none;
        keep_many("min_valid");
        assert_int_equal(used(), 0);
}

static void test_what_is_of_one_generation_is_not_kept(void **state) {
        keep_many("after");
        assert_int_equal(used(), 0);
}

/* Which come in turn, as from workers with 1,000 tokens. */
static void test_a_thousand_are_known_at_once(void **state) {
        unsigned n_known = 0;
        char text[512];

        for (unsigned round = 0; round < 2; round++)
                for (unsigned i = 0; i < 1000; i++) {
                        struct http1_request http;
                        struct api_request meaning;
                        int size = snprintf(text, sizeof text,
                                            "GET /v1/tokens/t%u?wait=20 HTTP/1.1\r\n"
                                            "Host: localhost\r\n\r\n",
                                            i);
                        struct slice request = {text, (size_t)size};

                        if (wordings_find(&wordings, request))
                                n_known++;
                        else
                                read_and_keep(request, &http, &meaning);
                }
        assert_in_range(n_known, 950, 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_what_came_before_means_the_same, setup),
                cmocka_unit_test_setup(test_what_may_be_a_secret_is_not_kept, setup),
                cmocka_unit_test_setup(test_limit_of_size, setup),
                cmocka_unit_test_setup(test_nothing_else_is_found, setup),
                cmocka_unit_test_setup(test_what_has_the_same_hash_is_told_apart, setup),
                cmocka_unit_test_setup(test_who_comes_later_takes_the_place, setup),
                cmocka_unit_test_setup(test_there_are_as_many_places_as_the_tokens_need, setup),
                cmocka_unit_test_setup(test_what_is_of_one_generation_is_not_kept, setup),
                cmocka_unit_test_setup(test_a_thousand_are_known_at_once, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
