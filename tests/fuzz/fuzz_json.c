/* SPDX-License-Identifier: MIT */
/* The reader of one flat object, and the writer. Beyond not crashing: what ours reads, json-c reads
 * as the same; any bytes can be written, and are read as they were if they are UTF-8 without NUL.
 */
#include <errno.h>

#include <json-c/json.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "wire/json.h"

/* json-c 0.16 takes a pair of surrogates for U+1D800 to U+1DFFF, and others whose low half looks
 * so, for half a pair, and puts U+FFFD there: then there is nothing to compare. */
static bool is_same_string(const char *text, json_object *other) {
        if (!json_object_is_type(other, json_type_string))
                return false;
        return strcmp(text, json_object_get_string(other)) == 0 ||
               strstr(json_object_get_string(other), "\xef\xbf\xbd");
}

static void check_string(const struct json_member *member, json_object *other) {
        char *text = malloc(member->text.size + 1);
        ssize_t size = json_string_copy(member, text, member->text.size + 1);

        HOLDS(size >= 0 || size == -EBADMSG, "resolving escapes makes nothing longer");
        if (size >= 0) {
                HOLDS(strlen(text) == (size_t)size, "a text has no NUL");
                HOLDS(is_same_string(text, other), "two readers find the same string");
                HOLDS(json_string_copy(member, text, (size_t)size) == -ENOBUFS,
                      "there must be room");
        }
        free(text);
}

static void check_member(const struct json_member *member, json_object *other) {
        switch (member->kind) {
        case JSON_STRING:
                check_string(member, other);
                break;
        case JSON_INTEGER:
                HOLDS(json_object_is_type(other, json_type_int) &&
                              json_object_get_uint64(other) == member->integer,
                      "two readers find the same number");
                break;
        case JSON_BOOLEAN:
                HOLDS(json_object_is_type(other, json_type_boolean) &&
                              (uint64_t)json_object_get_boolean(other) == member->integer,
                      "two readers find the same yes or no");
                break;
        case JSON_NULL:
                HOLDS(!other, "two readers find nothing");
                break;
        }
}

static void check_read(struct slice text) {
        struct json_object object, before;
        json_tokener *tokener;
        json_object *root;
        int r;

        memset(&object, 0x5a, sizeof object);
        before = object;
        r = json_parse(text, &object);
        HOLDS(r == 0 || r == -EBADMSG || r == -E2BIG, "it is an object, or it is not");
        if (r < 0) {
                HOLDS(!memcmp(&object, &before, sizeof object),
                      "results are written on success only");
                return;
        }
        tokener = json_tokener_new();
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        root = json_tokener_parse_ex(tokener, text.data, (int)text.size);
        HOLDS(json_object_is_type(root, json_type_object), "json-c reads it too");
        HOLDS(object.n <= JSON_MEMBERS_MAX && (size_t)json_object_object_length(root) == object.n,
              "two readers find as many members");
        for (size_t i = 0; i < object.n; i++) {
                char *name = string_of(object.members[i].name, SIZE_MAX);
                json_object *other = NULL;

                HOLDS(is_within(object.members[i].name, text) &&
                              is_within(object.members[i].text, text),
                      "a result points into what was read");
                HOLDS(json_object_object_get_ex(root, name, &other),
                      "two readers find the same names");
                HOLDS(json_find(&object, name, object.members[i].kind) == &object.members[i],
                      "what is there is found");
                check_member(&object.members[i], other);
                free(name);
        }
        json_object_put(root);
        json_tokener_free(tokener);
}

/* Without a NUL. */
static bool is_utf8(struct slice text) {
        while (text.size > 0) {
                size_t size = utf8_size(text.data, text.size);

                if (size == 0 || text.data[0] == 0)
                        return false;
                text = behind(text, size);
        }
        return true;
}

static void check_written(struct slice text) {
        struct buffer out = BUFFER_INIT(6 * text.size + 256);
        struct json_writer json = {&out};
        struct json_object object;
        const struct json_member *member;
        char *copy = malloc(3 * text.size + 1);

        json_begin(&json, NULL, '{');
        json_integer(&json, "n", text.size);
        json_string(&json, "text", text);
        json_boolean(&json, "is", text.size % 2);
        json_null(&json, "nothing");
        json_end(&json, '}');
        HOLDS(buffer_error(&out) == 0, "six bytes a byte are enough");
        HOLDS(json_parse(buffer_slice(&out), &object) == 0 && object.n == 4,
              "what is written can be read");
        member = json_find(&object, "n", JSON_INTEGER);
        HOLDS(member && member->integer == text.size, "a number is what it was");
        member = json_find(&object, "is", JSON_BOOLEAN);
        HOLDS(member && member->integer == text.size % 2, "a yes or no is what it was");
        HOLDS(json_find(&object, "nothing", JSON_NULL), "nothing is what it was");
        member = json_find(&object, "text", JSON_STRING);
        HOLDS(member, "a string is one");
        if (is_utf8(text))
                HOLDS(json_string_copy(member, copy, 3 * text.size + 1) == (ssize_t)text.size &&
                              is_same((struct slice){copy, text.size}, text),
                      "a string is what it was");
        free(copy);
        buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice text = input_of(data, size);

        check_read(text);
        check_written(text);
        return 0;
}
