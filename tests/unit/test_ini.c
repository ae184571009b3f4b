/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/ini.h"

static void assert_line(struct ini *ini, unsigned number, enum ini_kind kind, const char *left,
                        const char *right) {
        struct ini_line line;

        assert_true(ini_next(ini, &line));
        assert_null(line.mistake);
        assert_int_equal(line.number, number);
        assert_int_equal(line.kind, kind);
        assert_true(slice_is(kind == INI_SECTION ? line.word : line.key, left));
        assert_true(slice_is(kind == INI_SECTION ? line.name : line.value, right));
}

static void test_sections_and_settings_come_with_their_lines(void **state) {
        struct ini ini = INI_INIT(SLICE("# a comment\n"
                                        "; another, with a # in it\n"
                                        "\n"
                                        "[broker]\n"
                                        "key=value\n"
                                        " \t \n"
                                        "key \t = \t two words = 2;#3 \t \n"
                                        "[token athena] \n"
                                        "umlaut = \xc3\xa4\n"
                                        "last = 1"));
        struct ini_line line;

        assert_line(&ini, 4, INI_SECTION, "broker", "");
        assert_line(&ini, 5, INI_SETTING, "key", "value");
        assert_line(&ini, 7, INI_SETTING, "key", "two words = 2;#3");
        assert_line(&ini, 8, INI_SECTION, "token", "athena");
        assert_line(&ini, 9, INI_SETTING, "umlaut", "\xc3\xa4");
        assert_line(&ini, 10, INI_SETTING, "last", "1");
        assert_false(ini_next(&ini, &line));
        assert_false(ini_next(&ini, &line));
}

static void test_a_text_without_lines_has_none(void **state) {
        const char *const texts[] = {"", "\n", "\n\n", " ", "#", "# x\n;"};
        struct ini_line line;

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct ini ini = INI_INIT(slice_of(texts[i]));

                assert_false(ini_next(&ini, &line));
        }
        assert_false(ini_next(&(struct ini){0}, &line));
}

/* clang-format off */
#define ROW(kind, why, literal) {kind, why, {literal, sizeof(literal) - 1}}
/* clang-format on */

/* Every row is one line, and part of what is said about it. */
static const struct {
        enum ini_kind kind;
        const char *why;
        struct slice text;
} mistakes[] = {
        ROW(INI_SETTING, "indented", " key = value"),
        ROW(INI_SETTING, "indented", "\tkey = value"),
        ROW(INI_SETTING, "indented", " # comment"),
        ROW(INI_SETTING, "indented", " [section]"),
        ROW(INI_SETTING, "neither", "key"),
        ROW(INI_SETTING, "neither", "= value"),
        ROW(INI_SETTING, "neither", "two words = value"),
        ROW(INI_SETTING, "neither", "key: value"),
        ROW(INI_SETTING, "neither", "k{y = value"),
        ROW(INI_SETTING, "neither", "k\xc3\xa4y = value"),
        ROW(INI_SETTING, "neither", "\xef\xbb\xbf[section]"),
        ROW(INI_SETTING, "no value", "key ="),
        ROW(INI_SETTING, "no value", "key = \t "),
        ROW(INI_SETTING, "without quotes", "key = \"value\""),
        ROW(INI_SETTING, "without quotes", "key = 'value'"),
        ROW(INI_SETTING, "comments", "key = value # comment"),
        ROW(INI_SETTING, "comments", "key = value\t# comment"),
        ROW(INI_SETTING, "comments", "key = #value"),
        ROW(INI_SETTING, "comments", "key = a #"),
        ROW(INI_SETTING, "tab", "key = two\twords"),
        ROW(INI_SETTING, "carriage return", "key = value\r"),
        ROW(INI_SETTING, "carriage return", "# comment\r"),
        ROW(INI_SETTING, "carriage return", "\r"),
        ROW(INI_SETTING, "control", "key = val\0ue"),
        ROW(INI_SETTING, "control", "\0"),
        ROW(INI_SETTING, "control", "key = val\rue"),
        ROW(INI_SETTING, "control", "key = \033[1m"),
        ROW(INI_SETTING, "control", "key = \x7f"),
        ROW(INI_SETTING, "control", "# com\x01ment"),
        ROW(INI_SETTING, "UTF-8", "key = \xff"),
        ROW(INI_SETTING, "UTF-8", "key = \xc3"),
        ROW(INI_SETTING, "UTF-8", "# \xed\xa0\x80"),
        ROW(INI_SECTION, "UTF-8", "[\xff]"),
        ROW(INI_SECTION, "nothing else", "[section"),
        ROW(INI_SECTION, "nothing else", "["),
        ROW(INI_SECTION, "nothing else", "[section] key = value"),
        ROW(INI_SECTION, "comments", "[section] # comment"),
        ROW(INI_SECTION, "digits", "[]"),
        ROW(INI_SECTION, "digits", "[ ]"),
        ROW(INI_SECTION, "digits", "[ word]"),
        ROW(INI_SECTION, "digits", "[word ]"),
        ROW(INI_SECTION, "digits", "[word  name]"),
        ROW(INI_SECTION, "digits", "[word two names]"),
        ROW(INI_SECTION, "digits", "[word \"name\"]"),
        ROW(INI_SECTION, "digits", "[word name]]"),
        ROW(INI_SECTION, "digits", "[[word]"),
        ROW(INI_SECTION, "digits", "[word\tname]"),
};

static void test_any_other_line_is_a_mistake_and_the_next_line_is_read(void **state) {
        for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
                char text[128];
                struct slice whole = {text, mistakes[i].text.size + 9};
                struct ini ini = INI_INIT(whole);
                struct ini_line line;

                memcpy(text, mistakes[i].text.data, mistakes[i].text.size);
                memcpy(text + mistakes[i].text.size, "\nnext = 1", 9);
                assert_true(ini_next(&ini, &line));
                assert_int_equal(line.number, 1);
                if (line.kind != mistakes[i].kind)
                        fail_msg("row %zu is of the other kind", i);
                if (!line.mistake || !strstr(line.mistake, mistakes[i].why))
                        fail_msg("row %zu: %s", i, line.mistake ? line.mistake : "accepted");
                assert_line(&ini, 2, INI_SETTING, "next", "1");
                assert_false(ini_next(&ini, &line));
        }
}

static void test_a_line_at_the_limit_is_read_and_one_past_it_is_not(void **state) {
        char text[INI_LINE_MAX + 2] = "key = ";
        struct ini ini = INI_INIT(((struct slice){text, INI_LINE_MAX + 1}));
        struct ini_line line;

        memset(text + 6, 'v', sizeof text - 6);
        text[INI_LINE_MAX] = '\n';
        assert_true(ini_next(&ini, &line));
        assert_null(line.mistake);
        assert_int_equal(line.value.size, INI_LINE_MAX - 6);

        text[INI_LINE_MAX] = 'v';
        text[INI_LINE_MAX + 1] = '\n';
        ini = INI_INIT(((struct slice){text, INI_LINE_MAX + 2}));
        assert_true(ini_next(&ini, &line));
        assert_non_null(strstr(line.mistake, "longer than 4096 bytes"));

        text[0] = '#';
        ini = INI_INIT(((struct slice){text, INI_LINE_MAX + 2}));
        assert_true(ini_next(&ini, &line));
        assert_non_null(strstr(line.mistake, "longer than 4096 bytes"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sections_and_settings_come_with_their_lines),
                cmocka_unit_test(test_a_text_without_lines_has_none),
                cmocka_unit_test(test_any_other_line_is_a_mistake_and_the_next_line_is_read),
                cmocka_unit_test(test_a_line_at_the_limit_is_read_and_one_past_it_is_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
