/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/form.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static void test_pairs_come_one_by_one(void **state) {
        static const struct {
                const char *name;
                const char *value;
        } pairs[] = {
                {"a", "1"}, {"b", ""}, {"c", ""}, {"", "d"}, {"e", "f=g"}, {"%41+", "%"},
        };
        struct slice text = SLICE("&a=1&b&&c=&=d&e=f=g&%41+=%&"), name, value;

        for (size_t i = 0; i < LENGTH(pairs); i++) {
                assert_true(form_next(&text, &name, &value));
                assert_true(slice_is(name, pairs[i].name));
                assert_true(slice_is(value, pairs[i].value));
        }
        assert_false(form_next(&text, &name, &value));
        text = (struct slice){NULL, 0};
        assert_false(form_next(&text, &name, &value));
}

static const struct {
        struct slice text;
        ssize_t result;
        const char *decoded;
} cases[] = {
        {SLICE_INIT(""), 0, ""},
        {SLICE_INIT("a+b"), 3, "a b"},
        {SLICE_INIT("%41%2b%2B"), 3, "A++"},
        {SLICE_INIT("%00"), 1, "\0"},
        {SLICE_INIT("%ff"), 1, "\xff"},
        {SLICE_INIT("%2541"), 3, "%41"},
        {SLICE_INIT("12345678"), 8, "12345678"},
        {SLICE_INIT("1234567%38"), 8, "12345678"},
        {SLICE_INIT("123456789"), -ENOBUFS, NULL},
        {SLICE_INIT("%"), -EBADMSG, NULL},
        {SLICE_INIT("%4"), -EBADMSG, NULL},
        {{"%41", 2}, -EBADMSG, NULL}, /* the third byte is not its own */
        {SLICE_INIT("a%4g"), -EBADMSG, NULL},
        {SLICE_INIT("a%g4"), -EBADMSG, NULL},
        {SLICE_INIT("%%41"), -EBADMSG, NULL},
        {SLICE_INIT("%+1"), -EBADMSG, NULL},
        {SLICE_INIT("123456789%"), -EBADMSG, NULL},
};

static void test_decoding_is_strict_and_writes_nothing_when_it_fails(void **state) {
        for (size_t i = 0; i < LENGTH(cases); i++) {
                char text[8] = "========";
                ssize_t length =
                        cases[i].result == -ENOBUFS ? (ssize_t)cases[i].text.size : cases[i].result;

                if (form_decode(cases[i].text, NULL, 0) != length ||
                    form_decode(cases[i].text, text, sizeof text) != cases[i].result)
                        fail_msg("case %zu: %s", i, cases[i].text.data);
                if (cases[i].result >= 0)
                        assert_memory_equal(text, cases[i].decoded, (size_t)length);
                else
                        assert_memory_equal(text, "========", sizeof text);
        }
}

static void test_what_is_encoded_decodes_to_itself(void **state) {
        struct buffer out = BUFFER_INIT(1024);
        char every[256], decoded[256];

        for (size_t i = 0; i < sizeof every; i++)
                every[i] = (char)i;
        form_encode(&out, (struct slice){every, sizeof every});
        assert_int_equal(buffer_error(&out), 0);
        assert_int_equal(form_decode(buffer_slice(&out), decoded, sizeof decoded), 256);
        assert_memory_equal(decoded, every, sizeof every);
        buffer_clear(&out);
        form_encode(&out, SLICE("aZ09*-._ ~%+/")); /* of the marks, four stay */
        assert_true(slice_is(buffer_slice(&out), "aZ09*-._+%7E%25%2B%2F"));
        buffer_deinit(&out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pairs_come_one_by_one),
                cmocka_unit_test(test_decoding_is_strict_and_writes_nothing_when_it_fails),
                cmocka_unit_test(test_what_is_encoded_decodes_to_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
