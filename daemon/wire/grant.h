/* SPDX-License-Identifier: MIT */
/* grant - a client-credentials request (RFC 6749 4.4.2) as a worker sends it, which may think that
 * it talks to the token endpoint itself.
 *
 * The type is checked and the client id looked at; what else is in it, a secret above all, is never
 * copied, nor repeated in an error. */
#pragma once

#include "core/name.h"
#include "wire/http1.h"

/* 0 with the client id, from the form or else from Basic credentials, if it could be the name of a
 * token, and "" if not; -EBADMSG: *ret_error is the code of RFC 6749 5.2, *ret_why says what is
 * wrong, both static. */
int grant_parse(const struct http1_request *http, char ret_name[TOKEN_NAME_MAX + 1],
                const char **ret_error, const char **ret_why);
