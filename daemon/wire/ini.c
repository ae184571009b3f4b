/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/ini.h"

/* In preprocessor text: the number that a macro stands for. */
#define TEXT_OF_(number) #number
#define TEXT_OF(number)  TEXT_OF_(number)

static bool is_space(char c) {
        return c == ' ' || c == '\t';
}

static bool is_word_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
}

static bool is_word(struct slice text) {
        for (size_t i = 0; i < text.size; i++)
                if (!is_word_char(text.data[i]))
                        return false;
        return text.size > 0;
}

static struct slice trimmed(struct slice text) {
        while (text.size > 0 && is_space(text.data[0]))
                text = (struct slice){text.data + 1, text.size - 1};
        while (text.size > 0 && is_space(text.data[text.size - 1]))
                text.size--;
        return text;
}

/* Splits TEXT at its first C. False: there is none. */
static bool split(struct slice text, char c, struct slice *ret_left, struct slice *ret_right) {
        const char *found = text.size > 0 ? memchr(text.data, c, text.size) : NULL;

        if (!found)
                return false;
        *ret_left = (struct slice){text.data, (size_t)(found - text.data)};
        *ret_right = (struct slice){found + 1, text.size - ret_left->size - 1};
        return true;
}

static const char *mistake_in_bytes(struct slice line) {
        if (line.size > INI_LINE_MAX)
                return "the line is longer than " TEXT_OF(INI_LINE_MAX) " bytes";
        if (line.size > 0 && line.data[line.size - 1] == '\r')
                return "the line ends in a carriage return: save the file with Unix line ends";
        while (line.size > 0) {
                size_t size = utf8_size(line.data, line.size);
                unsigned char c = (unsigned char)line.data[0];

                if (size == 0)
                        return "the line is not UTF-8";
                if ((c < 0x20 && c != '\t') || c == 0x7f)
                        return "there is a control character in the line: remove it";
                line = (struct slice){line.data + size, line.size - size};
        }
        return NULL;
}

/* Behind white space, "#" would be read as a comment by most people and by few programs. */
static bool has_comment(struct slice text) {
        for (size_t i = 1; i < text.size; i++)
                if (text.data[i] == '#' && is_space(text.data[i - 1]))
                        return true;
        return false;
}

static const char *read_section(struct slice text, struct ini_line *line) {
        struct slice name = {NULL, 0}, word;
        bool is_named;

        if (text.data[text.size - 1] != ']')
                return "a section is [word] or [word name], and nothing else is in its line";
        text = (struct slice){text.data + 1, text.size - 2};
        is_named = split(text, ' ', &word, &name);
        if (!is_word(is_named ? word : text) || (is_named && !is_word(name)))
                return "a section is [word] or [word name]: letters, digits, _ and - alone";
        line->word = is_named ? word : text;
        line->name = name;
        return NULL;
}

static const char *read_setting(struct slice text, struct ini_line *line) {
        struct slice key, value;

        if (!split(text, '=', &key, &value) || !is_word(trimmed(key)))
                return "this is neither [section], nor key = value, nor a comment";
        value = trimmed(value);
        if (value.size == 0)
                return "there is no value: write one, or remove the line";
        if (value.data[0] == '"' || value.data[0] == '\'')
                return "values are written without quotes";
        if (memchr(value.data, '\t', value.size))
                return "there is a tab in the value: remove it";
        line->key = trimmed(key);
        line->value = value;
        return NULL;
}

static const char *read_line(struct slice text, struct ini_line *line) {
        const char *mistake = mistake_in_bytes(text);

        if (mistake)
                return mistake;
        if (is_space(text.data[0]))
                return "the line is indented: begin it at the margin";
        if (has_comment(text))
                return "comments need a line of their own, and values do not contain \" #\"";
        return line->kind == INI_SECTION ? read_section(trimmed(text), line)
                                         : read_setting(text, line);
}

/* Takes the next line, without its newline, off the front. */
static struct slice take_line(struct ini *ini) {
        struct slice line;

        if (!split(ini->rest, '\n', &line, &ini->rest)) {
                line = ini->rest;
                ini->rest.size = 0;
        }
        ini->line++;
        return line;
}

bool ini_next(struct ini *ini, struct ini_line *ret_line) {
        while (ini->rest.size > 0) {
                struct slice text = take_line(ini);
                const char *mistake = NULL;
                struct ini_line line = {.number = ini->line, .kind = INI_SETTING};

                if (trimmed(text).size == 0)
                        continue;
                if (text.data[0] == '#' || text.data[0] == ';') {
                        mistake = mistake_in_bytes(text);
                        if (!mistake)
                                continue;
                } else {
                        line.kind = text.data[0] == '[' ? INI_SECTION : INI_SETTING;
                        mistake = read_line(text, &line);
                }
                line.mistake = mistake;
                *ret_line = line;
                return true;
        }
        return false;
}
