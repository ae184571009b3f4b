/* SPDX-License-Identifier: MIT */
/* json - JSON as our own programs speak it among themselves (RFC 8259): a writer, and a reader for
 * one flat object. libbearer has no dependency but libc, and the broker needs no more than this.
 * What the world sends is read by json-c, in wire/oauth. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/slice.h"

#define JSON_MEMBERS_MAX ((size_t)32)

/* Writes into a buffer, which remembers errors. KEY is NULL inside an array and outermost, and is
 * written as it is. */
struct json_writer {
        struct buffer *out;
        bool needs_comma;
};

void json_begin(struct json_writer *writer, const char *key, char bracket); /* '{' or '[' */
void json_end(struct json_writer *writer, char bracket);                    /* '}' or ']' */
/* Any bytes: control characters are escaped, what is not UTF-8 becomes U+FFFD. */
void json_string(struct json_writer *writer, const char *key, struct slice value);
/* The same for a value that is known to need neither, a token for one: copied at once. */
void json_plain_string(struct json_writer *writer, const char *key, struct slice value);
void json_integer(struct json_writer *writer, const char *key, uint64_t value);
/* The same, but nothing for UINT64_MAX: it is not known. */
void json_known(struct json_writer *writer, const char *key, uint64_t value);
void json_boolean(struct json_writer *writer, const char *key, bool value);
void json_null(struct json_writer *writer, const char *key);

enum json_kind { JSON_STRING, JSON_INTEGER, JSON_BOOLEAN, JSON_NULL };

struct json_member {
        struct slice name; /* as written: our own names need no escapes */
        enum json_kind kind;
        struct slice text; /* JSON_STRING: between the quotes, escapes as written */
        uint64_t integer;  /* JSON_INTEGER; JSON_BOOLEAN: 0 or 1 */
};

struct json_object {
        struct json_member members[JSON_MEMBERS_MAX];
        size_t n;
};

/* Reads one object of strings, whole numbers from 0 to UINT64_MAX, booleans and nulls, and nothing
 * behind it but white space. The result points into TEXT. 0; -EBADMSG: anything else, a nested
 * value or a second member of the same name among it; -E2BIG: more than JSON_MEMBERS_MAX. */
int json_parse(struct slice text, struct json_object *ret_object);

/* The member NAME of kind KIND, or NULL. */
const struct json_member *json_find(const struct json_object *object, const char *name,
                                    enum json_kind kind);
/* The number NAME. 0; -EBADMSG: there is none, or it is above MOST. */
int json_find_integer(const struct json_object *object, const char *name, uint64_t most,
                      uint64_t *ret_value);
/* Copies a string with its escapes resolved, and a NUL behind it. The length; -ENOBUFS: longer than
 * size - 1; -EBADMSG: an escape that is none, or a NUL in it. */
ssize_t json_string_copy(const struct json_member *member, char *ret_text, size_t size);
