/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "wire/json.h"

static size_t utf8_encode(uint32_t character, char ret_text[4]) {
        if (character < 0x80) {
                ret_text[0] = (char)character;
                return 1;
        }
        if (character < 0x800) {
                ret_text[0] = (char)(0xc0 | character >> 6);
                ret_text[1] = (char)(0x80 | (character & 0x3f));
                return 2;
        }
        if (character < 0x10000) {
                ret_text[0] = (char)(0xe0 | character >> 12);
                ret_text[1] = (char)(0x80 | (character >> 6 & 0x3f));
                ret_text[2] = (char)(0x80 | (character & 0x3f));
                return 3;
        }
        ret_text[0] = (char)(0xf0 | character >> 18);
        ret_text[1] = (char)(0x80 | (character >> 12 & 0x3f));
        ret_text[2] = (char)(0x80 | (character >> 6 & 0x3f));
        ret_text[3] = (char)(0x80 | (character & 0x3f));
        return 4;
}

/* RFC 8259 7: what may stand in a string as it is, ASCII only. */
static bool is_plain(char c) {
        return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static const char *skip_plain(const char *at, const char *end) {
        while (at < end && is_plain(*at))
                at++;
        return at;
}

/* The comma before a value, and its key. All at once: answers to workers are made of these. */
static void write_key(struct json_writer *writer, const char *key) {
        size_t size = key ? strlen(key) : 0;
        size_t needed = (writer->needs_comma ? 1 : 0) + (key ? size + 3 : 0);
        char *to;

        if (needed > 0 && buffer_reserve(writer->out, needed) == 0) {
                to = writer->out->data + writer->out->size;
                if (writer->needs_comma)
                        *to++ = ',';
                if (key) {
                        *to++ = '"';
                        to = mempcpy(to, key, size);
                        *to++ = '"';
                        *to++ = ':';
                }
                buffer_added(writer->out, needed);
        }
        writer->needs_comma = true;
}

void json_begin(struct json_writer *writer, const char *key, char bracket) {
        write_key(writer, key);
        buffer_append_char(writer->out, bracket);
        writer->needs_comma = false;
}

void json_end(struct json_writer *writer, char bracket) {
        buffer_append_char(writer->out, bracket);
        writer->needs_comma = true;
}

/* Writes what is not plain at the front of TEXT. How much of TEXT that was. */
static size_t write_special(struct buffer *out, const char *text, size_t left) {
        static const char hex[] = "0123456789abcdef";
        unsigned char c = (unsigned char)text[0];
        size_t size;

        if (c >= 0x80) {
                size = utf8_size(text, left);
                if (size == 0)
                        buffer_append_text(out, "\xef\xbf\xbd"); /* U+FFFD */
                else
                        buffer_append(out, text, size);
                return size == 0 ? 1 : size;
        }
        if (c >= 0x20)
                buffer_append(out, (char[]){'\\', (char)c}, 2);
        else
                buffer_append(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        return 1;
}

void json_string(struct json_writer *writer, const char *key, struct slice value) {
        write_key(writer, key);
        buffer_append_char(writer->out, '"');
        for (size_t i = 0; i < value.size;) {
                const char *at = value.data + i, *end = value.data + value.size;
                const char *stop = skip_plain(at, end);

                buffer_append(writer->out, at, (size_t)(stop - at));
                if (stop < end)
                        stop += write_special(writer->out, stop, (size_t)(end - stop));
                i += (size_t)(stop - at);
        }
        buffer_append_char(writer->out, '"');
}

void json_plain_string(struct json_writer *writer, const char *key, struct slice value) {
        write_key(writer, key);
        buffer_append_char(writer->out, '"');
        buffer_append_slice(writer->out, value);
        buffer_append_char(writer->out, '"');
}

void json_integer(struct json_writer *writer, const char *key, uint64_t value) {
        write_key(writer, key);
        decimal_render(writer->out, value);
}

void json_known(struct json_writer *writer, const char *key, uint64_t value) {
        if (value != UINT64_MAX)
                json_integer(writer, key, value);
}

void json_boolean(struct json_writer *writer, const char *key, bool value) {
        write_key(writer, key);
        buffer_append_text(writer->out, value ? "true" : "false");
}

void json_null(struct json_writer *writer, const char *key) {
        write_key(writer, key);
        buffer_append_text(writer->out, "null");
}

/* What is left to be read. */
struct cursor {
        const char *at;
        const char *end;
};

/* RFC 8259 2. */
static void skip_space(struct cursor *cursor) {
        while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t' ||
                                            *cursor->at == '\n' || *cursor->at == '\r'))
                cursor->at++;
}

/* Takes TEXT, if that comes next. */
static bool take(struct cursor *cursor, const char *text) {
        size_t size = strlen(text);

        if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, text, size) != 0)
                return false;
        cursor->at += size;
        return true;
}

/* The "\uXXXX" at AT. */
static int read_unit(const char *at, const char *end, uint32_t *ret_unit) {
        uint32_t unit = 0;

        if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
                return -EBADMSG;
        for (size_t i = 2; i < 6; i++) {
                if (at[i] >= '0' && at[i] <= '9')
                        unit = unit << 4 | (uint32_t)(at[i] - '0');
                else if ((at[i] | 0x20) >= 'a' && (at[i] | 0x20) <= 'f')
                        unit = unit << 4 | (uint32_t)((at[i] | 0x20) - 'a' + 10);
                else
                        return -EBADMSG;
        }
        *ret_unit = unit;
        return 0;
}

/* The escape at AT, which is a backslash: its size, or -EBADMSG. Half a surrogate pair is none: it
 * could not be written as UTF-8 (RFC 8259 8.2). */
static ssize_t read_escape(const char *at, const char *end, uint32_t *ret_character) {
        static const char letters[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
        const char *letter;
        uint32_t high, low;

        if (end - at < 2)
                return -EBADMSG;
        letter = memchr(letters, at[1], sizeof letters - 1);
        if (letter) {
                *ret_character = (unsigned char)characters[letter - letters];
                return 2;
        }
        if (read_unit(at, end, &high) < 0)
                return -EBADMSG;
        if (high < 0xd800 || high > 0xdfff) {
                *ret_character = high;
                return 6;
        }
        if (high > 0xdbff || read_unit(at + 6, end, &low) < 0 || low < 0xdc00 || low > 0xdfff)
                return -EBADMSG;
        *ret_character = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return 12;
}

/* One character inside a string that is not plain: its size, or -EBADMSG. */
static ssize_t check_special(const char *at, const char *end) {
        uint32_t character;
        size_t size;

        if (*at == '\\')
                return read_escape(at, end, &character);
        if ((unsigned char)*at < 0x80)
                return -EBADMSG; /* a control character */
        size = utf8_size(at, (size_t)(end - at));
        return size == 0 ? -EBADMSG : (ssize_t)size;
}

static int read_string(struct cursor *cursor, struct slice *ret_text) {
        const char *first;

        if (!take(cursor, "\""))
                return -EBADMSG;
        first = cursor->at;
        for (;;) {
                ssize_t size;

                cursor->at = skip_plain(cursor->at, cursor->end);
                if (cursor->at == cursor->end)
                        return -EBADMSG;
                if (*cursor->at == '"')
                        break;
                size = check_special(cursor->at, cursor->end);
                if (size < 0)
                        return (int)size;
                cursor->at += size;
        }
        *ret_text = (struct slice){first, (size_t)(cursor->at - first)};
        cursor->at++;
        return 0;
}

/* RFC 8259 6, without sign, fraction and exponent. */
static int read_integer(struct cursor *cursor, uint64_t *ret_value) {
        struct slice digits = {cursor->at, 0};

        while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
                cursor->at++;
        digits.size = (size_t)(cursor->at - digits.data);
        if (digits.size > 1 && digits.data[0] == '0')
                return -EBADMSG;
        return decimal_parse(digits, UINT64_MAX, ret_value) < 0 ? -EBADMSG : 0;
}

static int read_value(struct cursor *cursor, struct json_member *member) {
        static const struct {
                const char *text;
                enum json_kind kind;
                uint64_t integer;
        } words[] = {
                {"true", JSON_BOOLEAN, 1},
                {"false", JSON_BOOLEAN, 0},
                {"null", JSON_NULL, 0},
        };

        if (cursor->at < cursor->end && *cursor->at == '"') {
                member->kind = JSON_STRING;
                return read_string(cursor, &member->text);
        }
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
                if (take(cursor, words[i].text)) {
                        member->kind = words[i].kind;
                        member->integer = words[i].integer;
                        return 0;
                }
        }
        member->kind = JSON_INTEGER;
        return read_integer(cursor, &member->integer);
}

static const struct json_member *find(const struct json_object *object, struct slice name) {
        for (size_t i = 0; i < object->n; i++)
                if (object->members[i].name.size == name.size &&
                    memcmp(object->members[i].name.data, name.data, name.size) == 0)
                        return &object->members[i];
        return NULL;
}

/* Appends one "name": value. A name with an escape in it could be a second one in disguise. */
static int read_member(struct cursor *cursor, struct json_object *object) {
        struct json_member member = {0};
        int r;

        skip_space(cursor);
        r = read_string(cursor, &member.name);
        if (r < 0)
                return r;
        if (memchr(member.name.data, '\\', member.name.size) || find(object, member.name))
                return -EBADMSG;
        skip_space(cursor);
        if (!take(cursor, ":"))
                return -EBADMSG;
        skip_space(cursor);
        r = read_value(cursor, &member);
        if (r < 0)
                return r;
        if (object->n == JSON_MEMBERS_MAX)
                return -E2BIG;
        object->members[object->n++] = member;
        skip_space(cursor);
        return 0;
}

static int read_members(struct cursor *cursor, struct json_object *object) {
        skip_space(cursor);
        if (take(cursor, "}"))
                return 0;
        do {
                int r = read_member(cursor, object);

                if (r < 0)
                        return r;
        } while (take(cursor, ","));
        return take(cursor, "}") ? 0 : -EBADMSG;
}

int json_parse(struct slice text, struct json_object *ret_object) {
        struct cursor cursor;
        struct json_object object;
        int r;

        if (text.size == 0)
                return -EBADMSG;
        cursor = (struct cursor){text.data, text.data + text.size};
        object.n = 0;
        skip_space(&cursor);
        if (!take(&cursor, "{"))
                return -EBADMSG;
        r = read_members(&cursor, &object);
        if (r < 0)
                return r;
        skip_space(&cursor);
        if (cursor.at < cursor.end)
                return -EBADMSG;
        *ret_object = object;
        return 0;
}

const struct json_member *json_find(const struct json_object *object, const char *name,
                                    enum json_kind kind) {
        const struct json_member *member = find(object, slice_of(name));

        return member && member->kind == kind ? member : NULL;
}

int json_find_integer(const struct json_object *object, const char *name, uint64_t most,
                      uint64_t *ret_value) {
        const struct json_member *member = json_find(object, name, JSON_INTEGER);

        if (!member || member->integer > most)
                return -EBADMSG;
        *ret_value = member->integer;
        return 0;
}

/* Resolves the escapes of TEXT into TO; counts only if TO is NULL. The length, or -EBADMSG. */
static ssize_t unescape(struct slice text, char *to) {
        const char *at = text.data, *end = at + text.size;
        size_t length = 0;

        while (at < end) {
                char encoded[4] = {*at};
                uint32_t character = (unsigned char)*at;
                size_t size = 1;
                ssize_t used = 1;

                if (*at == '\\') {
                        used = read_escape(at, end, &character);
                        if (used < 0)
                                return used;
                        size = utf8_encode(character, encoded);
                }
                if (character == 0)
                        return -EBADMSG;
                if (to)
                        memcpy(to + length, encoded, size);
                length += size;
                at += used;
        }
        return (ssize_t)length;
}

ssize_t json_string_copy(const struct json_member *member, char *ret_text, size_t size) {
        ssize_t length = unescape(member->text, NULL);

        if (length < 0)
                return length;
        if ((size_t)length >= size)
                return -ENOBUFS;
        unescape(member->text, ret_text);
        ret_text[length] = 0;
        return length;
}
