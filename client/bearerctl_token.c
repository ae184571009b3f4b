/* SPDX-License-Identifier: MIT */
/* bearerctl_token - the commands that get a token and write it out: get, header, renew. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/bearerctl_token.h"
#include "wire/json.h"

/* What is left of the timeout that began at BEGAN. */
static int timeout_left(const struct ctl *ctl, uint64_t began) {
        uint64_t end;

        if (ctl->timeout_ms <= 0)
                return ctl->timeout_ms;
        end = began + (uint64_t)ctl->timeout_ms * NSEC_PER_MSEC;
        return (int)(time_until(end, clock_now()) / NSEC_PER_MSEC);
}

/* Renews *TOKEN if it ends too soon. The one that there is stays good if that fails. */
static void prolong(const struct ctl *ctl, struct bearer *bearer, uint64_t began,
                    struct bearer_token **token) {
        struct bearer_token *newer;
        int r;

        if (bearer_token_expires_in(*token) >= ctl->min_valid)
                return;
        r = bearer_renew(bearer, *token, timeout_left(ctl, began), &newer);
        if (r == 0) {
                bearer_token_unref(*token);
                *token = newer; /* consumed */
        }
        if (bearer_token_expires_in(*token) < ctl->min_valid)
                fprintf(stderr, "bearerctl: token %s: valid for %" PRIu64 " s only; %s\n",
                        bearer_token_name(*token), bearer_token_expires_in(*token),
                        r == 0 ? "the token endpoint grants no longer" : bearer_strerror(r));
}

int ctl_token_get(const struct ctl *ctl, struct bearer **ret_bearer,
                  struct bearer_token **ret_token) {
        _cleanup_bearer_ struct bearer *bearer = NULL;
        uint64_t began = clock_now();
        int r;

        r = bearer_open(ctl->socket, &bearer);
        if (r != 0)
                return r;
        r = bearer_get(bearer, ctl->name, ctl->timeout_ms, ret_token);
        if (r != 0)
                return r;
        prolong(ctl, bearer, began, ret_token);
        *ret_bearer = bearer;
        bearer = NULL; /* consumed */
        return 0;
}

static void write_json(struct buffer *out, const struct bearer_token *token) {
        struct json_writer writer = {.out = out};

        json_begin(&writer, NULL, '{');
        json_string(&writer, "access_token", slice_of(bearer_token_value(token)));
        json_string(&writer, "token_type", SLICE("Bearer"));
        json_integer(&writer, "expires_in", bearer_token_expires_in(token));
        if (*bearer_token_scope(token))
                json_string(&writer, "scope", slice_of(bearer_token_scope(token)));
        json_string(&writer, "name", slice_of(bearer_token_name(token)));
        json_integer(&writer, "generation", bearer_token_generation(token));
        json_integer(&writer, "expires_at", bearer_token_expires_at(token));
        if (*bearer_token_practice_id(token))
                json_string(&writer, "practice_id", slice_of(bearer_token_practice_id(token)));
        json_end(&writer, '}');
}

int ctl_get(const struct ctl *ctl, struct buffer *out) {
        _cleanup_bearer_ struct bearer *bearer = NULL;
        _cleanup_token_ struct bearer_token *token = NULL;
        int r = ctl_token_get(ctl, &bearer, &token);

        if (r != 0)
                return ctl_fail(ctl, r);
        if (ctl->json)
                write_json(out, token);
        else
                buffer_append_text(out, bearer_token_value(token));
        buffer_append_char(out, '\n');
        return EX_OK;
}

int ctl_header(const struct ctl *ctl, struct buffer *out) {
        _cleanup_bearer_ struct bearer *bearer = NULL;
        _cleanup_token_ struct bearer_token *token = NULL;
        int r = ctl_token_get(ctl, &bearer, &token);

        if (r != 0)
                return ctl_fail(ctl, r);
        buffer_append_text(out, "Authorization: Bearer ");
        buffer_append_text(out, bearer_token_value(token));
        buffer_append_char(out, '\n');
        return EX_OK;
}

int ctl_renew(const struct ctl *ctl, struct buffer *out) {
        _cleanup_bearer_ struct bearer *bearer = NULL;
        _cleanup_token_ struct bearer_token *token = NULL, *newer = NULL;
        uint64_t began = clock_now();
        int r;

        r = bearer_open(ctl->socket, &bearer);
        if (r == 0)
                r = bearer_get(bearer, ctl->name, ctl->timeout_ms, &token);
        if (r == 0)
                r = bearer_renew(bearer, token, timeout_left(ctl, began), &newer);
        if (r != 0)
                return ctl_fail(ctl, r);
        buffer_printf(out, "%s: generation %" PRIu64 ", valid for ", bearer_token_name(newer),
                      bearer_token_generation(newer));
        ctl_span(out, bearer_token_expires_in(newer));
        buffer_append_char(out, '\n');
        return EX_OK;
}
