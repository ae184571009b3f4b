/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/url.h"

/* Every row: accepted, and as what. */
static const struct {
        const char *text;
        bool is_https;
        bool is_loopback;
        const char *host;
        unsigned port;
        const char *path;
} good[] = {
        {"https://example.com", true, false, "example.com", 0, ""},
        {"https://example.com/", true, false, "example.com", 0, "/"},
        {"https://a/oauth2/v1/token?x=y&z=%20", true, false, "a", 0, "/oauth2/v1/token?x=y&z=%20"},
        {"https://EXAMPLE.com:8443/t", true, false, "EXAMPLE.com", 8443, "/t"},
        {"https://token_server-1.example:65535", true, false, "token_server-1.example", 65535, ""},
        {"https://1password.example:1", true, false, "1password.example", 1, ""},
        {"https://192.0.2.1/", true, false, "192.0.2.1", 0, "/"},
        {"https://[2001:db8::1]:443/", true, false, "[2001:db8::1]", 443, "/"},
        {"https://localhost/", true, true, "localhost", 0, "/"},
        {"http://localhost", false, true, "localhost", 0, ""},
        {"http://LocalHost:8080/t", false, true, "LocalHost", 8080, "/t"},
        {"http://127.0.0.1:80/", false, true, "127.0.0.1", 80, "/"},
        {"http://127.255.255.254", false, true, "127.255.255.254", 0, ""},
        {"http://[::1]:8080/t", false, true, "[::1]", 8080, "/t"},
        {"http://[0:0:0:0:0:0:0:1]", false, true, "[0:0:0:0:0:0:0:1]", 0, ""},
        {"http://128.0.0.1", false, false, "128.0.0.1", 0, ""},
        {"http://126.0.0.1", false, false, "126.0.0.1", 0, ""},
        {"http://localhost.evil/", false, false, "localhost.evil", 0, "/"},
        {"http://127.0.0.1.evil/", false, false, "127.0.0.1.evil", 0, "/"},
        {"http://notlocalhost/", false, false, "notlocalhost", 0, "/"},
        {"http://[::2]/", false, false, "[::2]", 0, "/"},
        {"http://[::]/", false, false, "[::]", 0, "/"},
        {"http://[::ffff:127.0.0.1]/", false, false, "[::ffff:127.0.0.1]", 0, "/"},
        {"http://0.0.0.0/", false, false, "0.0.0.0", 0, "/"},
};

static void test_a_url_is_taken_apart(void **state) {
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                struct url url;

                if (url_parse(slice_of(good[i].text), &url) != 0)
                        fail_msg("refused: %s", good[i].text);
                assert_int_equal(url.is_https, good[i].is_https);
                if (url.is_loopback != good[i].is_loopback)
                        fail_msg("loopback or not: %s", good[i].text);
                assert_true(slice_is(url.host, good[i].host));
                assert_int_equal(url.port, good[i].port);
                assert_true(slice_is(url.path, good[i].path));
        }
}

static const char *const bad[] = {
        "",
        "https",
        "https:",
        "https:/",
        "https://",
        "https:///token",
        "https:example.com",
        "//example.com",
        "example.com",
        "HTTPS://example.com",
        "Http://127.0.0.1",
        "ftp://example.com",
        " https://example.com",
        "https://example.com ",
        "https://exam ple.com",
        "https://example.com/a b",
        "https://example.com/a\tb",
        "https://example.com/a\nb",
        "https://example.com/a\x7f",
        "https://example.com/\xc3\xa9",
        "https://\xc3\xa9.example",
        "https://example.com/#",
        "https://example.com/a#b",
        "https://example.com#b",
        "https://example.com?a=b",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://@example.com/",
        "http://127.0.0.1@evil",
        "http://127.0.0.1:80@evil/",
        "http://127.0.0.1/@evil",
        "http://127.0.0.1?@evil/",
        "http://127.0.0.1#@evil/",
        "http://127.0.0.1\\@evil/",
        "http://127.0.0.1\\.evil/",
        "http://evil\\127.0.0.1/",
        "https://example.com/a\\b",
        "http://127.1",
        "http://127.0.1",
        "http://0x7f.0.0.1",
        "http://0x7f.1",
        "http://127.0.0.0x1",
        "http://2130706433",
        "http://0177.0.0.1",
        "http://127.0.0.01",
        "http://127.0.0.1.",
        "http://127.0.0.256",
        "http://127.0.0.0.1",
        "http://localhost.",
        "https://.example.com",
        "https://example..com",
        "https://-example.com",
        "https://example.-com",
        "https://*.example.com",
        "https://exam%70le.com/",
        "https://example.com/%",
        "https://example.com/%4",
        "https://example.com/%4g",
        "https://example.com/\"",
        "https://example.com/<>",
        "https://example.com/{a}",
        "https://example.com/[a]",
        "https://example.com:",
        "https://example.com:/",
        "https://example.com:0/",
        "https://example.com:080/",
        "https://example.com:65536/",
        "https://example.com:99999999999/",
        "https://example.com:-1/",
        "https://example.com:+1/",
        "https://example.com: 1/",
        "https://example.com:1:2/",
        "https://example.com:http/",
        "https://[::1",
        "https://::1",
        "https://[]",
        "https://[::1]x",
        "https://[::1]:",
        "https://[::1]@evil",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[127.0.0.1]/",
        "https://[v1.x]/",
        "https://[1:2:3:4:5:6:7:8:9]/",
        "https://[::1::1]/",
        "https://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]/",
};

static void test_what_programs_differ_on_is_refused(void **state) {
        struct url url;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                if (url_parse(slice_of(bad[i]), &url) != -EINVAL)
                        fail_msg("accepted: %s", bad[i]);
        assert_int_equal(url_parse(SLICE("https://example.com\0.evil/"), &url), -EINVAL);
        assert_int_equal(url_parse(SLICE("https://example.com/\0"), &url), -EINVAL);
        assert_int_equal(url_parse(SLICE("https://[::1\0]/"), &url), -EINVAL);
}

static void test_sizes_at_the_limit_and_one_past_it(void **state) {
        char text[URL_SIZE_MAX + 1] = "https://example.com/";
        struct url url;

        memset(text + 20, 'a', sizeof text - 20);
        assert_int_equal(url_parse((struct slice){text, URL_SIZE_MAX}, &url), 0);
        assert_int_equal(url_parse((struct slice){text, URL_SIZE_MAX + 1}, &url), -EINVAL);

        memset(text + 8, 'a', sizeof text - 8); /* the name of a host: at most 253 */
        assert_int_equal(url_parse((struct slice){text, 8 + 253}, &url), 0);
        assert_int_equal(url_parse((struct slice){text, 8 + 254}, &url), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_url_is_taken_apart),
                cmocka_unit_test(test_what_programs_differ_on_is_refused),
                cmocka_unit_test(test_sizes_at_the_limit_and_one_past_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
