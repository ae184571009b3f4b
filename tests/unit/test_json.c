/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static void test_an_object_is_written_with_commas_where_they_belong(void **state) {
        struct buffer out = BUFFER_INIT(1024);
        struct json_writer writer = {&out};

        json_begin(&writer, NULL, '{');
        json_string(&writer, "a", SLICE("x"));
        json_begin(&writer, "b", '[');
        json_integer(&writer, NULL, 0);
        json_integer(&writer, NULL, UINT64_MAX);
        json_begin(&writer, NULL, '{');
        json_end(&writer, '}');
        json_end(&writer, ']');
        json_begin(&writer, "c", '{');
        json_boolean(&writer, "d", true);
        json_boolean(&writer, "e", false);
        json_end(&writer, '}');
        json_null(&writer, "f");
        json_string(&writer, "g", (struct slice){NULL, 0});
        json_plain_string(&writer, "h", SLICE("abc"));
        json_end(&writer, '}');
        assert_int_equal(buffer_error(&out), 0);
        assert_true(
                slice_is(buffer_slice(&out),
                         "{\"a\":\"x\",\"b\":[0,18446744073709551615,{}],"
                         "\"c\":{\"d\":true,\"e\":false},\"f\":null,\"g\":\"\",\"h\":\"abc\"}"));
        buffer_deinit(&out);
}

static void test_an_object_that_fits_exactly_is_written(void **state) {
        struct buffer out = BUFFER_INIT(strlen("{\"a\":1,\"b\":2}"));
        struct json_writer writer = {&out};

        json_begin(&writer, NULL, '{');
        json_integer(&writer, "a", 1);
        json_integer(&writer, "b", 2);
        json_end(&writer, '}');
        assert_int_equal(buffer_error(&out), 0);
        json_end(&writer, '}');
        assert_int_equal(buffer_error(&out), -ENOBUFS);
        buffer_deinit(&out);
}

#define BAD "\xef\xbf\xbd"

static const struct {
        struct slice value;
        const char *written;
} strings[] = {
        {SLICE_INIT("plain ~\x7f"), "plain ~\x7f"},
        {SLICE_INIT("\"\\/"), "\\\"\\\\/"},
        {SLICE_INIT("a\0b"), "a\\u0000b"},
        {SLICE_INIT("\b\f\n\r\t\x1f"), "\\u0008\\u000c\\u000a\\u000d\\u0009\\u001f"},
        {SLICE_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80."),
         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80."},
        /* RFC 3629 4: the first and the last of each size. */
        {SLICE_INIT("\xc2\x80\xdf\xbf"), "\xc2\x80\xdf\xbf"},
        {SLICE_INIT("\xe0\xa0\x80\xed\x9f\xbf"), "\xe0\xa0\x80\xed\x9f\xbf"},
        {SLICE_INIT("\xee\x80\x80\xef\xbf\xbf"), "\xee\x80\x80\xef\xbf\xbf"},
        {SLICE_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
        /* One past them. */
        {SLICE_INIT("\x80"), BAD},
        {SLICE_INIT("\xc1\xbf"), BAD BAD},
        {SLICE_INIT("\xe0\x9f\xbf"), BAD BAD BAD},
        {SLICE_INIT("\xed\xa0\x80"), BAD BAD BAD},
        {SLICE_INIT("\xf0\x8f\xbf\xbf"), BAD BAD BAD BAD},
        {SLICE_INIT("\xf4\x90\x80\x80"), BAD BAD BAD BAD},
        {SLICE_INIT("\xf5\x80\x80\x80"), BAD BAD BAD BAD},
        {SLICE_INIT("\xff"), BAD},
        /* Cut short, by the end and by something else. */
        {SLICE_INIT("\xc3"), BAD},
        {SLICE_INIT("\xe2\x82"), BAD BAD},
        {SLICE_INIT("\xf0\x9f\x98"), BAD BAD BAD},
        {SLICE_INIT("\xc3\""), BAD "\\\""},
        {SLICE_INIT("\xe2\x82x"), BAD BAD "x"},
        {SLICE_INIT("\xf0\x9f\x98\xc3\xa9"), BAD BAD BAD "\xc3\xa9"},
};

static void test_strings_of_any_bytes_are_written_as_json(void **state) {
        for (size_t i = 0; i < LENGTH(strings); i++) {
                struct buffer out = BUFFER_INIT(1024);
                struct json_writer writer = {&out};
                struct slice written;

                json_string(&writer, NULL, strings[i].value);
                written = (struct slice){out.data + 1, out.size - 2};
                if (out.data[0] != '"' || out.data[out.size - 1] != '"' ||
                    !slice_is(written, strings[i].written))
                        fail_msg("case %zu: %.*s", i, (int)out.size, out.data);
                buffer_deinit(&out);
        }
}

static void test_what_is_written_reads_back_the_same(void **state) {
        for (unsigned c = 1; c < 0x80; c++) {
                struct buffer out = BUFFER_INIT(1024);
                struct json_writer writer = {&out};
                struct json_object object;
                char text[] = {'<', (char)c, '>', 0}, copy[4];

                json_begin(&writer, NULL, '{');
                json_string(&writer, "a", slice_of(text));
                json_end(&writer, '}');
                assert_int_equal(json_parse(buffer_slice(&out), &object), 0);
                assert_int_equal(json_string_copy(&object.members[0], copy, sizeof copy), 3);
                assert_string_equal(copy, text);
                buffer_deinit(&out);
        }
}

static void test_an_object_is_read_with_its_kinds(void **state) {
        static const char text[] =
                " \t\r\n{ \"s\" : \"x\\ny\" ,\"n\":0,\"max\":18446744073709551615,\n"
                "\"t\":true,\"f\":false,\"z\":null,\"\":\"\" } \n";
        struct json_object object;

        assert_int_equal(json_parse(slice_of(text), &object), 0);
        assert_int_equal(object.n, 7);
        assert_true(slice_is(json_find(&object, "s", JSON_STRING)->text, "x\\ny"));
        assert_int_equal(json_find(&object, "n", JSON_INTEGER)->integer, 0);
        assert_true(json_find(&object, "max", JSON_INTEGER)->integer == UINT64_MAX);
        assert_int_equal(json_find(&object, "t", JSON_BOOLEAN)->integer, 1);
        assert_int_equal(json_find(&object, "f", JSON_BOOLEAN)->integer, 0);
        assert_non_null(json_find(&object, "z", JSON_NULL));
        assert_true(slice_is(json_find(&object, "", JSON_STRING)->text, ""));
        assert_null(json_find(&object, "s", JSON_INTEGER));
        assert_null(json_find(&object, "t", JSON_INTEGER));
        assert_null(json_find(&object, "q", JSON_STRING));
        assert_int_equal(json_parse(SLICE("{}"), &object), 0);
        assert_int_equal(object.n, 0);
        assert_int_equal(json_parse(SLICE(" { } "), &object), 0);
}

static const struct slice refused[] = {
        SLICE_INIT(""),
        SLICE_INIT(" "),
        SLICE_INIT("{"),
        SLICE_INIT("}"),
        SLICE_INIT("[]"),
        SLICE_INIT("1"),
        SLICE_INIT("\"a\""),
        SLICE_INIT("\xef\xbb\xbf{}"),
        SLICE_INIT("{}{}"),
        SLICE_INIT("{},"),
        SLICE_INIT("{}x"),
        SLICE_INIT("{}\0"),
        SLICE_INIT("{,}"),
        SLICE_INIT("{\"a\":1,}"),
        SLICE_INIT("{\"a\":1 \"b\":2}"),
        SLICE_INIT("{\"a\":1,,\"b\":2}"),
        SLICE_INIT("{\"a\"}"),
        SLICE_INIT("{\"a\":}"),
        SLICE_INIT("{\"a\" 1}"),
        SLICE_INIT("{a:1}"),
        SLICE_INIT("{'a':1}"),
        SLICE_INIT("{1:1}"),
        SLICE_INIT("{\"a\":1"),
        SLICE_INIT("{\"a\":\"x}"),
        SLICE_INIT("{\"a\":\"x\\\"}"),
        SLICE_INIT("{\"a"),
        /* Nested, doubled, in disguise. */
        SLICE_INIT("{\"a\":{}}"),
        SLICE_INIT("{\"a\":[]}"),
        SLICE_INIT("{\"a\":1,\"a\":1}"),
        SLICE_INIT("{\"a\":1,\"b\":2,\"a\":\"x\"}"),
        SLICE_INIT("{\"\\u0061\":1}"),
        /* Numbers. */
        SLICE_INIT("{\"a\":-1}"),
        SLICE_INIT("{\"a\":-0}"),
        SLICE_INIT("{\"a\":+1}"),
        SLICE_INIT("{\"a\":01}"),
        SLICE_INIT("{\"a\":00}"),
        SLICE_INIT("{\"a\":1.0}"),
        SLICE_INIT("{\"a\":1e9}"),
        SLICE_INIT("{\"a\":0x10}"),
        SLICE_INIT("{\"a\":.5}"),
        SLICE_INIT("{\"a\":18446744073709551616}"),
        SLICE_INIT("{\"a\":NaN}"),
        /* Words. */
        SLICE_INIT("{\"a\":True}"),
        SLICE_INIT("{\"a\":tru}"),
        SLICE_INIT("{\"a\":truex}"),
        SLICE_INIT("{\"a\":nul"),
        SLICE_INIT("{\"a\":undefined}"),
        /* Strings. */
        SLICE_INIT("{\"a\":\"\n\"}"),
        SLICE_INIT("{\"a\":\"\0\"}"),
        SLICE_INIT("{\"a\":\"\x1f\"}"),
        SLICE_INIT("{\"a\":\"\\x\"}"),
        SLICE_INIT("{\"a\":\"\\\n\"}"),
        SLICE_INIT("{\"a\":\"\\0\"}"),
        SLICE_INIT("{\"a\":\"\\U0041\"}"),
        SLICE_INIT("{\"a\":\"\\u004\"}"),
        SLICE_INIT("{\"a\":\"\\u004g\"}"),
        SLICE_INIT("{\"a\":\"\\u00"),
        SLICE_INIT("{\"a\":\"\\ud83d\"}"),
        SLICE_INIT("{\"a\":\"\\ud83d\\n\"}"),
        SLICE_INIT("{\"a\":\"\\ud83d\\ud83d\"}"),
        SLICE_INIT("{\"a\":\"\\ud83d\\u0041\"}"),
        SLICE_INIT("{\"a\":\"\\ude00\"}"),
        SLICE_INIT("{\"a\":\"\xc3\"}"),
        SLICE_INIT("{\"a\":\"\xed\xa0\x80\"}"),
        SLICE_INIT("{\"a\":\"\xff\"}"),
        SLICE_INIT("{\"\xff\":1}"),
        SLICE_INIT("{\"\n\":1}"),
        /* White space that is none. */
        SLICE_INIT("\v{}"),
        SLICE_INIT("{\f}"),
        SLICE_INIT("{\"a\":1}\xc2\xa0"),
        SLICE_INIT("{}//"),
};

static void test_what_is_no_flat_object_is_refused(void **state) {
        for (size_t i = 0; i < LENGTH(refused); i++) {
                struct json_object object = {.n = 99};

                if (json_parse(refused[i], &object) != -EBADMSG || object.n != 99)
                        fail_msg("case %zu: %s", i, refused[i].data);
        }
        assert_int_equal(json_parse((struct slice){NULL, 0}, &(struct json_object){.n = 0}),
                         -EBADMSG);
}

static void test_members_at_the_limit_are_read_and_one_past_it_is_too_big(void **state) {
        for (size_t n = JSON_MEMBERS_MAX; n <= JSON_MEMBERS_MAX + 1; n++) {
                struct buffer out = BUFFER_INIT(4096);
                struct json_object object;

                buffer_append_char(&out, '{');
                for (size_t i = 0; i < n; i++)
                        buffer_printf(&out, "%s\"m%zu\":%zu", i ? "," : "", i, i);
                buffer_append_char(&out, '}');
                assert_int_equal(json_parse(buffer_slice(&out), &object),
                                 n == JSON_MEMBERS_MAX ? 0 : -E2BIG);
                buffer_deinit(&out);
        }
}

static const struct {
        struct slice text;
        ssize_t result;
        const char *copy;
} copies[] = {
        {SLICE_INIT(""), 0, ""},
        {SLICE_INIT("plain"), 5, "plain"},
        {SLICE_INIT("\\\"\\\\\\/\\b\\f\\n\\r\\t"), 8, "\"\\/\b\f\n\r\t"},
        {SLICE_INIT("\\u0041\\u00e9\\u20AC"), 6, "A\xc3\xa9\xe2\x82\xac"},
        {SLICE_INIT("\\ud83d\\uDE00"), 4, "\xf0\x9f\x98\x80"},
        {SLICE_INIT("\\u007f\\u0080"), 3, "\x7f\xc2\x80"},
        {SLICE_INIT("\\u07ff\\u0800"), 5, "\xdf\xbf\xe0\xa0\x80"},
        {SLICE_INIT("\\uffff"), 3, "\xef\xbf\xbf"},
        {SLICE_INIT("\\ud800\\udc00"), 4, "\xf0\x90\x80\x80"},
        {SLICE_INIT("\\udbff\\udfff"), 4, "\xf4\x8f\xbf\xbf"},
        {SLICE_INIT("1234567890123456789"), 19, "1234567890123456789"},
        {SLICE_INIT("12345678901234567890"), -ENOBUFS, NULL},
        {SLICE_INIT("123456789012345678\\u00e9"), -ENOBUFS, NULL},
        {SLICE_INIT("a\\u0000b"), -EBADMSG, NULL},
};

static void test_copies_have_their_escapes_resolved(void **state) {
        for (size_t i = 0; i < LENGTH(copies); i++) {
                struct buffer out = BUFFER_INIT(1024);
                struct json_object object;
                char copy[20] = "untouched";
                ssize_t result;

                buffer_append_text(&out, "{\"a\":\"");
                buffer_append_slice(&out, copies[i].text);
                buffer_append_text(&out, "\"}");
                assert_int_equal(json_parse(buffer_slice(&out), &object), 0);
                result = json_string_copy(&object.members[0], copy, sizeof copy);
                if (result != copies[i].result ||
                    strcmp(copy, copies[i].copy ? copies[i].copy : "untouched") != 0)
                        fail_msg("case %zu: %zd %s", i, result, copy);
                buffer_deinit(&out);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_object_is_written_with_commas_where_they_belong),
                cmocka_unit_test(test_an_object_that_fits_exactly_is_written),
                cmocka_unit_test(test_strings_of_any_bytes_are_written_as_json),
                cmocka_unit_test(test_what_is_written_reads_back_the_same),
                cmocka_unit_test(test_an_object_is_read_with_its_kinds),
                cmocka_unit_test(test_what_is_no_flat_object_is_refused),
                cmocka_unit_test(test_members_at_the_limit_are_read_and_one_past_it_is_too_big),
                cmocka_unit_test(test_copies_have_their_escapes_resolved),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
