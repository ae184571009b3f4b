/* SPDX-License-Identifier: MIT */
/* bearerctl_json - bearerd's JSON as bearerctl reads it, which does not trust it to be well-formed,
 * nor to leave a terminal as it is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/slice.h"

struct json_object;

/* All of TEXT is one document, or there is none: NULL. */
struct json_object *ctl_json_parse(struct slice text);
void cleanup_json(struct json_object **object);
#define _cleanup_json_ _cleanup_(cleanup_json)

/* Members of OBJECT. Borrowed; NULL: none of the kind. */
struct json_object *ctl_json_object(struct json_object *object, const char *key);
struct json_object *ctl_json_array(struct json_object *object, const char *key);
/* "": none, or no string. */
const char *ctl_json_text(struct json_object *object, const char *key);
/* UINT64_MAX: none, or no number. */
uint64_t ctl_json_number(struct json_object *object, const char *key);
/* Of all members that are numbers; UINT64_MAX: there is no OBJECT. */
uint64_t ctl_json_sum(struct json_object *object);
bool ctl_json_flag(struct json_object *object, const char *key);

/* Whether OBJECT's tokens are a list of objects: *ret_tokens, borrowed. */
bool ctl_json_tokens(struct json_object *object, struct json_object **ret_tokens);
/* Whether OBJECT is a status as operators get it, of the version that is known here. */
bool ctl_json_is_status(struct json_object *object);

/* The token NAME among OBJECT's tokens, borrowed, or NULL. */
struct json_object *ctl_json_token(struct json_object *object, const char *name);
/* The name of the default one, valid as that of a token, borrowed; or NULL. */
const char *ctl_json_default(struct json_object *object);

/* Shows what is printable, and no control sequence. */
void ctl_json_show(struct buffer *out, const char *text);
