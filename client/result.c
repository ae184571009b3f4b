/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "bearer.h"
#include "client/result.h"
#include "wire/json.h"

/* A 429 is about how often tokens are renewed, or else about how much this user asks. */
static int result_of_429(struct slice body) {
        const struct json_member *error;
        struct json_object object;

        if (json_parse(body, &object) < 0)
                return BEARER_E_BUSY;
        error = json_find(&object, "error", JSON_STRING);
        return error && slice_is(error->text, "slow_down") ? BEARER_E_FRESH : BEARER_E_BUSY;
}

int result_of_refusal(const struct http1_response *response) {
        switch (response->status) {
        case 400:
                return BEARER_E_INVALID;
        case 403:
                return BEARER_E_FORBIDDEN;
        case 404:
                return BEARER_E_UNKNOWN;
        case 429:
                return result_of_429(response->body);
        case 502:
                return BEARER_E_DENIED;
        case 503:
                return BEARER_E_UNAVAILABLE;
        case 504:
                return BEARER_E_TIMEOUT;
        default:
                return BEARER_E_PROTOCOL;
        }
}

int result_of_error(int r) {
        switch (r) {
        case -ETIMEDOUT:
                return BEARER_E_TIMEOUT;
        case -EBADMSG:
                return BEARER_E_PROTOCOL;
        default:
                return r;
        }
}
