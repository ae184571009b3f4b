/* SPDX-License-Identifier: MIT */
/* bearerctl_refresh - the command that has a token renewed, as an operator; and, with --wait, says
 * what came of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/timespan.h"
#include "bearer.h"
#include "client/bearerctl.h"
#include "client/bearerctl_json.h"
#include "client/standing.h"
#include "core/name.h"

#define TEXT_MAX ((size_t)1024)

/* ---- what bearerd says ---- */

static int fail_control(const struct ctl *ctl, int r) {
        switch (r) {
        case BEARER_E_UNKNOWN:
                return ctl_fail(ctl, r);
        case BEARER_E_UNAVAILABLE:
                return ctl_fail_unconfigured();
        default:
                return ctl_control_fail(ctl, r);
        }
}

/* The name of the default token. The exit status; all is said. */
static int find_default(const struct ctl *ctl, char ret_name[TOKEN_NAME_MAX + 1]) {
        _cleanup_(status_deinit) struct status status = STATUS_INIT;
        int r = status_ask_operator(ctl, &status);
        const char *name;

        if (r != 0)
                return ctl_control_fail(ctl, r);
        if (!ctl_json_flag(status.answer, "configured"))
                return ctl_fail_unconfigured();
        name = ctl_json_default(status.answer);
        if (!name)
                return ctl_fail(ctl, BEARER_E_INVALID);
        strcpy(ret_name, name);
        return EX_OK;
}

/* ---- when it is renewed ---- */

static void write_later(struct buffer *out, struct json_object *answer) {
        static const struct {
                const char *waits_for;
                const char *text;
        } reasons[] = {
                {"retry_after", "the token endpoint asked for patience"},
                {"spacing", "the last renewal has just been"},
                {"budget", "the budget of requests is used up for now"},
        };
        uint64_t seconds = ctl_json_number(answer, "next_attempt");

        buffer_append_text(out, "a new one is asked for ");
        if (seconds == NEVER) {
                buffer_append_text(out, "later");
        } else {
                buffer_append_text(out, "in ");
                ctl_span(out, seconds);
        }
        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
                if (strcmp(ctl_json_text(answer, "waits_for"), reasons[i].waits_for) == 0)
                        buffer_printf(out, ": %s", reasons[i].text);
}

static void write_when(struct buffer *out, struct json_object *answer) {
        if (standing_renewal_is(answer, "started"))
                buffer_append_text(out, "a new one is asked for now");
        else if (standing_renewal_is(answer, "follows"))
                buffer_append_text(out, "one is being asked for already, and another one then");
        else
                write_later(out, answer);
}

static int refresh(const struct ctl *ctl, const char *name, struct buffer *out) {
        _cleanup_json_ struct json_object *answer = NULL;
        int r = standing_renew(ctl, name, &answer);

        if (r != 0)
                return fail_control(ctl, r);
        buffer_printf(out, "token %s: ", name);
        write_when(out, answer);
        buffer_append_char(out, '\n');
        return EX_OK;
}

/* ---- what came of it ---- */

/* The exit status for R, which is why TOKEN is not renewed: WHAT is, in words. */
static int fail(const char *name, const struct buffer *what, int r) {
        struct slice words = buffer_slice(what);

        fprintf(stderr, "bearerctl: token %s: %.*s; %s\n", name, (int)words.size, words.data,
                ctl_advice(r));
        return ctl_status_of(r);
}

/* Who asks the next one counts anew. */
static int fail_restarted(const char *name) {
        fprintf(stderr, "bearerctl: token %s: bearerd was restarted meanwhile; ask again\n", name);
        return EX_TEMPFAIL;
}

static int fail_late(const struct ctl *ctl, const char *name, struct json_object *answer) {
        _cleanup_(buffer_deinit) struct buffer what = BUFFER_INIT(TEXT_MAX);

        write_when(&what, answer);
        buffer_printf(&what, "; the %d s of --wait are too short for that", ctl->timeout_ms / 1000);
        return fail(name, &what, BEARER_E_TIMEOUT);
}

static int fail_renewal(const char *name, struct json_object *token) {
        _cleanup_(buffer_deinit) struct buffer what = BUFFER_INIT(TEXT_MAX);
        const char *kind = ctl_json_text(ctl_json_object(token, "last_error"), "kind");

        status_write_error(&what, token);
        return fail(name, &what,
                    strcmp(kind, "failed") == 0 ? BEARER_E_UNAVAILABLE : BEARER_E_DENIED);
}

static void write_renewal(struct buffer *out, const char *name, struct json_object *token) {
        buffer_printf(out, "token %s: generation %" PRIu64 ", valid for ", name,
                      ctl_json_number(token, "generation"));
        ctl_span(out, ctl_json_number(token, "expires_in"));
        buffer_append_char(out, '\n');
}

/* Until the renewal has ended that ANSWER is about, of a token that was as BEFORE, as long as
 * --wait says. The exit status; all is said. */
static int wait_for_end(const struct ctl *ctl, const struct standing *before,
                        struct json_object *answer, struct standing *ret_standing) {
        uint64_t patience = (uint64_t)ctl->timeout_ms * NSEC_PER_MSEC;
        uint64_t next = ctl_json_number(answer, "next_attempt");
        int r;

        if (next != NEVER && next > patience / NSEC_PER_SEC)
                return fail_late(ctl, before->name, answer);
        r = standing_wait(ctl, before, answer, patience, ret_standing);
        switch (r) {
        case 0:
                return EX_OK;
        case -ETIME:
                return fail_late(ctl, before->name, answer);
        case -ECANCELED:
                return fail_restarted(before->name);
        default:
                return fail_control(ctl, r);
        }
}

static int refresh_and_wait(const struct ctl *ctl, const char *name, struct buffer *out) {
        _cleanup_(standing_deinit) struct standing before = STANDING_INIT, after = STANDING_INIT;
        _cleanup_json_ struct json_object *answer = NULL;
        int r = standing_ask(ctl, name, &before), status;

        if (r == 0)
                r = standing_renew(ctl, name, &answer);
        if (r != 0)
                return fail_control(ctl, r);
        status = wait_for_end(ctl, &before, answer, &after);
        if (status != EX_OK)
                return status;
        if (ctl_json_object(after.token, "last_error"))
                return fail_renewal(name, after.token);
        write_renewal(out, name, after.token);
        return EX_OK;
}

/* ---- the command ---- */

int ctl_refresh(const struct ctl *ctl, struct buffer *out) {
        char found[TOKEN_NAME_MAX + 1];
        const char *name = ctl->name ? ctl->name : found;
        int status = EX_OK;

        if (ctl->name && !token_name_is_valid(slice_of(ctl->name)))
                return ctl_fail(ctl, BEARER_E_INVALID);
        if (!ctl->name)
                status = find_default(ctl, found);
        if (status != EX_OK)
                return status;
        return ctl->timeout_ms < 0 ? refresh(ctl, name, out) : refresh_and_wait(ctl, name, out);
}
