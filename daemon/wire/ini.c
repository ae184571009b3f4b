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
        struct slice word = {NULL, 0}, name;
        bool is_named;

        if (text.data[text.size - 1] != ']')
                return "a section is [word] or [word name], and nothing else is in its line";
        name = text = (struct slice){text.data + 1, text.size - 2};
        slice_cut(&name, ' ', &word);
        is_named = word.size < text.size;
        if (!is_word(word) || (is_named && !is_word(name)))
                return "a section is [word] or [word name]: letters, digits, _ and - alone";
        line->word = word;
        line->name = name;
        return NULL;
}

static const char *read_setting(struct slice text, struct ini_line *line) {
        struct slice key, value = text;

        slice_cut(&value, '=', &key);
        if (key.size == text.size || !is_word(slice_trim(key)))
                return "this is neither [section], nor key = value, nor a comment";
        value = slice_trim(value);
        if (value.size == 0)
                return "there is no value: write one, or remove the line";
        if (value.data[0] == '"' || value.data[0] == '\'')
                return "values are written without quotes";
        if (memchr(value.data, '\t', value.size))
                return "there is a tab in the value: remove it";
        line->key = slice_trim(key);
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
        return line->kind == INI_SECTION ? read_section(slice_trim(text), line)
                                         : read_setting(text, line);
}

bool ini_next(struct ini *ini, struct ini_line *ret_line) {
        struct slice text;

        while (slice_cut(&ini->rest, '\n', &text)) {
                bool is_comment = text.size > 0 && (text.data[0] == '#' || text.data[0] == ';');
                struct ini_line line = {.number = ++ini->line, .kind = INI_SETTING};

                if (slice_trim(text).size == 0)
                        continue;
                if (text.data[0] == '[')
                        line.kind = INI_SECTION;
                line.mistake = is_comment ? mistake_in_bytes(text) : read_line(text, &line);
                if (is_comment && !line.mistake)
                        continue;
                *ret_line = line;
                return true;
        }
        return false;
}
