/* SPDX-License-Identifier: MIT */
/* value - what the values in a configuration may look like: text to a number, a time, a list, or a
 * yes or no to the text itself. Any bytes may come in; empty text is none of these. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define VALUE_ACCOUNT_MAX       255 /* bytes, as all of these */
#define VALUE_AUDIENCE_MAX      1024
#define VALUE_CLIENT_ID_MAX     256
#define VALUE_CREDENTIAL_MAX    255 /* NAME_MAX: it is a file */
#define VALUE_FIELD_MAX         1024
#define VALUE_FIELD_NAME_MAX    64
#define VALUE_KEY_ID_MAX        256
#define VALUE_PATH_MAX          4095
#define VALUE_PRACTICE_ID_MAX   64
#define VALUE_SOCKET_PATH_MAX   107 /* unix(7): sun_path, with its NUL */
#define VALUE_VARIABLE_NAME_MAX 255

/* As systemd has them: 1 yes y true t on, 0 no n false f off, in any case. 0, or -EINVAL. */
int value_boolean(struct slice text, bool *ret_value);

/* systemd.time(7), from us to weeks: "90", "90s", "1h 30min", "0.5s", in nanoseconds. A number
 * without a unit is of seconds, and stands alone. 0; -EINVAL; -ERANGE. */
int value_time(struct slice text, uint64_t *ret_value);

/* File permissions: "660" or "0660". 0, or -EINVAL. */
int value_mode(struct slice text, unsigned *ret_value);

/* Takes the next word, of those that spaces and commas part, off the front. False: none is left. */
bool value_next_word(struct slice *text, struct slice *ret_word);

bool value_is_path(struct slice text);        /* an absolute one */
bool value_is_socket_path(struct slice text); /* one that fits into a struct sockaddr_un */
bool value_is_account(struct slice text);     /* what a user or a group may be called */
bool value_is_scope(struct slice text);       /* RFC 6749 3.3 */
bool value_is_practice_id(struct slice text);
bool value_is_key_id(struct slice text);     /* RFC 7517 4.5: any text; here, what can be shown */
bool value_is_audience(struct slice text);   /* RFC 7519 4.1.3; "token_url" is a word of our own */
bool value_is_resource(struct slice text);   /* RFC 8707 2 */
bool value_is_form_field(struct slice text); /* NAME=VALUE; no parameter of our own */
bool value_is_header(struct slice text);     /* NAME: VALUE; no header of our own */
bool value_is_pinned_key(struct slice text); /* as CURLOPT_PINNEDPUBLICKEY has it */
bool value_is_address(struct slice text);    /* IPv4 or IPv6 */
/* The name of a file, and of a descriptor: so systemd checks it. */
bool value_is_credential_name(struct slice text);

/* credential:NAME (systemd.exec(5)), env:NAME (POSIX), file:/PATH. */
bool value_is_reference(struct slice text);
/* The URI of a key that a token keeps (RFC 7512). */
bool value_is_pkcs11(struct slice text);
/* Where a private key is: one of those. */
bool value_is_private_key(struct slice text);
/* One of those or, without a colon, the id itself (RFC 6749 A.1). */
bool value_is_client_id(struct slice text);
