/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <json-c/json.h>

#include "client/bearerctl_json.h"
#include "core/name.h"

/* Of the status: docs/protocol.md, "The control socket". */
#define STATUS_VERSION 1

#define DEPTH                                                                                      \
        8 /* the answer, its list, a token, its counters, those of replies, a value; and some */

static void cleanup_tokener(struct json_tokener **tokener) {
        if (*tokener)
                json_tokener_free(*tokener);
}

void cleanup_json(struct json_object **object) {
        json_object_put(*object);
}

struct json_object *ctl_json_parse(struct slice text) {
        _cleanup_(cleanup_tokener) struct json_tokener *tokener = NULL;
        struct json_object *object;

        tokener = json_tokener_new_ex(DEPTH);
        if (!tokener)
                return NULL;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, text.data, (int)text.size);
        if (json_tokener_get_parse_end(tokener) == text.size)
                return object;
        json_object_put(object);
        return NULL;
}

static struct json_object *member(struct json_object *object, const char *key,
                                  enum json_type type) {
        struct json_object *value;

        if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
                return NULL;
        return value;
}

struct json_object *ctl_json_object(struct json_object *object, const char *key) {
        return member(object, key, json_type_object);
}

struct json_object *ctl_json_array(struct json_object *object, const char *key) {
        return member(object, key, json_type_array);
}

const char *ctl_json_text(struct json_object *object, const char *key) {
        struct json_object *value = member(object, key, json_type_string);

        return value ? json_object_get_string(value) : "";
}

uint64_t ctl_json_number(struct json_object *object, const char *key) {
        struct json_object *value = member(object, key, json_type_int);

        return value ? json_object_get_uint64(value) : UINT64_MAX;
}

uint64_t ctl_json_sum(struct json_object *object) {
        uint64_t sum = 0;

        if (!object)
                return UINT64_MAX;
        json_object_object_foreach(object, key, value) {
                if (json_object_is_type(value, json_type_int))
                        sum += ctl_json_number(object, key);
        }
        return sum;
}

bool ctl_json_flag(struct json_object *object, const char *key) {
        struct json_object *value = member(object, key, json_type_boolean);

        return value && json_object_get_boolean(value);
}

bool ctl_json_tokens(struct json_object *object, struct json_object **ret_tokens) {
        struct json_object *tokens = ctl_json_array(object, "tokens");

        if (!tokens)
                return false;
        for (size_t i = 0; i < json_object_array_length(tokens); i++)
                if (!json_object_is_type(json_object_array_get_idx(tokens, i), json_type_object))
                        return false;
        *ret_tokens = tokens;
        return true;
}

bool ctl_json_is_status(struct json_object *object) {
        return ctl_json_number(object, "version") == STATUS_VERSION;
}

struct json_object *ctl_json_token(struct json_object *object, const char *name) {
        struct json_object *tokens;

        if (!ctl_json_tokens(object, &tokens))
                return NULL;
        for (size_t i = 0; i < json_object_array_length(tokens); i++) {
                struct json_object *token = json_object_array_get_idx(tokens, i);

                if (strcmp(ctl_json_text(token, "name"), name) == 0)
                        return token;
        }
        return NULL;
}

const char *ctl_json_default(struct json_object *object) {
        struct json_object *tokens;

        if (!ctl_json_tokens(object, &tokens))
                return NULL;
        for (size_t i = 0; i < json_object_array_length(tokens); i++) {
                struct json_object *token = json_object_array_get_idx(tokens, i);
                const char *name = ctl_json_text(token, "name");

                if (ctl_json_flag(token, "is_default") && token_name_is_valid(slice_of(name)))
                        return name;
        }
        return NULL;
}

void ctl_json_show(struct buffer *out, const char *text) {
        for (; *text; text++)
                buffer_append_char(out, *text < ' ' || *text > '~' ? '?' : *text);
}
