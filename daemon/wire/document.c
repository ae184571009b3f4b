/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include <json-c/json.h>

#include "wire/document.h"

#define DEPTH_MAX 8 /* of nested values */

/* Behind the string that opens at POSITION; 0 if it is none that JSON allows, or has a NUL, which
 * would end json-c's names early: "access_token\u0000x" is not "access_token". */
static size_t behind_string(struct slice text, size_t position) {
        for (size_t i = position + 1; i < text.size; i++) {
                if (text.data[i] == '"')
                        return i + 1;
                if ((unsigned char)text.data[i] < ' ')
                        return 0;
                if (text.data[i] != '\\')
                        continue;
                if (text.size - i >= 6 && memcmp(text.data + i, "\\u0000", 6) == 0)
                        return 0;
                i++;
        }
        return 0;
}

/* How many members the object that TEXT is has itself, or -1 for what json-c takes, even when it is
 * strict, but is no JSON: 'single quotes', NaN, Infinity, control characters in strings. TEXT has
 * passed json-c, so outside of strings every colon follows a member's name. */
static int count_members(struct slice text) {
        int depth = 0, members = 0;

        for (size_t i = 0; i < text.size;) {
                char c = text.data[i];

                if (c == '"') {
                        i = behind_string(text, i);
                        if (i == 0)
                                return -1;
                        continue;
                }
                if (c == '\'' || c == 'N' || c == 'I')
                        return -1;
                if (c == '{' || c == '[')
                        depth++;
                else if (c == '}' || c == ']')
                        depth--;
                else if (c == ':' && depth == 1)
                        members++;
                i++;
        }
        return members;
}

/* The object in TEXT, if that begins with one; NULL otherwise, or without memory. */
static struct json_object *json_read(struct slice text, int flags) {
        struct json_tokener *tokener = text.size > 0 ? json_tokener_new_ex(DEPTH_MAX) : NULL;
        struct json_object *root;

        if (!tokener)
                return NULL;
        json_tokener_set_flags(tokener, flags);
        root = json_tokener_parse_ex(tokener, text.data, (int)text.size);
        json_tokener_free(tokener);
        if (json_object_is_type(root, json_type_object))
                return root;
        json_object_put(root);
        return NULL;
}

/* Of members with the same name json-c keeps the last one alone, without a word: its object is then
 * smaller than what was written. */
const char *document_read(struct slice text, struct json_object **ret_root) {
        int members;

        if (text.size > 0 && memchr(text.data, 0, text.size))
                return "not one JSON object";
        *ret_root = json_read(text, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        members = *ret_root ? count_members(text) : -1;
        if (members < 0)
                return "not one JSON object";
        if (members != json_object_object_length(*ret_root))
                return "a member is there twice";
        return NULL;
}

struct json_object *document_read_leniently(struct slice text) {
        return json_read(text, 0);
}

void document_free(struct json_object *root) {
        json_object_put(root);
}

struct slice document_string(struct json_object *object, const char *name) {
        struct json_object *value;

        if (!json_object_object_get_ex(object, name, &value) ||
            !json_object_is_type(value, json_type_string))
                return (struct slice){NULL, 0};
        return (struct slice){json_object_get_string(value),
                              (size_t)json_object_get_string_len(value)};
}

struct json_object *document_object(struct json_object *object, const char *name) {
        struct json_object *value;

        if (!json_object_object_get_ex(object, name, &value) ||
            !json_object_is_type(value, json_type_object))
                return NULL;
        return value;
}
