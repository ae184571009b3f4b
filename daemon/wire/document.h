/* SPDX-License-Identifier: MIT */
/* document - a JSON object that a stranger has sent, by json-c.
 *
 * json-c's copies of a token (in its objects and in its tokener) cannot be wiped from here. They
 * are why this runs in bearerd-fetch alone: its exit is their wipe. */
#pragma once

#include "base/slice.h"

struct json_object;

/* NULL: TEXT is one object and nothing else, as strictly as RFC 8259 has it, no member of its own
 * twice. Else what is wrong, static; *ret_root may be there all the same, and is the caller's. */
const char *document_read(struct slice text, struct json_object **ret_root);
/* The object that TEXT begins with, if it does; NULL otherwise, or without memory. */
struct json_object *document_read_leniently(struct slice text);
/* NULL is fine. */
void document_free(struct json_object *root);

/* The string NAME of OBJECT, which may be NULL; without data if there is none. */
struct slice document_string(struct json_object *object, const char *name);
/* The same for an object, lent; NULL if there is none. */
struct json_object *document_object(struct json_object *object, const char *name);
