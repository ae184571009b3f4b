/* SPDX-License-Identifier: MIT */
/* bearerctl_refresh - the command that has a token renewed, as an operator; and, with --wait, says
 * what came of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "bearer.h"
#include "client/bearerctl.h"
#include "client/bearerctl_json.h"
#include "client/status.h"
#include "core/name.h"

#define ASK_INTERVAL (100 * NSEC_PER_MSEC)
#define TEXT_MAX     ((size_t)1024)

/* ---- what bearerd says ---- */

/* The exit status; all is said. */
static int ask_status(const struct ctl *ctl, struct json_object **ret_answer) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        _cleanup_json_ struct json_object *answer = NULL;
        struct http1_response response;
        struct json_object *tokens;
        int r = ctl_control_ask(ctl, "GET", "/v1/status", NULL, &connection, &response);

        if (r != 0)
                return ctl_control_fail(ctl, r);
        if (response.status == 200)
                answer = ctl_json_parse(response.body);
        if (!ctl_json_is_status(answer) || !ctl_json_tokens(answer, &tokens))
                return ctl_control_fail_answer(ctl, &response);
        if (!ctl_json_flag(answer, "configured"))
                return ctl_fail_unconfigured();
        *ret_answer = answer;
        answer = NULL; /* consumed */
        return EX_OK;
}

/* The name of the default token. The exit status; all is said. */
static int find_default(const struct ctl *ctl, char ret_name[TOKEN_NAME_MAX + 1]) {
        _cleanup_json_ struct json_object *answer = NULL;
        int status = ask_status(ctl, &answer);
        const char *name;

        if (status != EX_OK)
                return status;
        name = ctl_json_default(answer);
        if (!name)
                return ctl_fail(ctl, BEARER_E_INVALID);
        strcpy(ret_name, name);
        return EX_OK;
}

/* How the token NAME is. */
struct snapshot {
        struct json_object *answer;
        struct json_object *token; /* borrowed from the answer */
        uint64_t ended;            /* renewals, whatever came of them */
        uint64_t uptime;           /* of bearerd, seconds */
};

static void snapshot_deinit(struct snapshot *snapshot) {
        cleanup_json(&snapshot->answer);
}

/* The exit status; all is said. */
static int look(const struct ctl *ctl, const char *name, struct snapshot *ret_snapshot) {
        _cleanup_(snapshot_deinit) struct snapshot snapshot = {0};
        int status = ask_status(ctl, &snapshot.answer);

        if (status != EX_OK)
                return status;
        snapshot.token = ctl_json_token(snapshot.answer, name);
        if (!snapshot.token)
                return ctl_fail(ctl, BEARER_E_UNKNOWN);
        snapshot.ended = ctl_json_sum(
                ctl_json_object(ctl_json_object(snapshot.token, "counters"), "renewals"));
        snapshot.uptime = ctl_json_number(snapshot.answer, "uptime");
        if (snapshot.ended == NEVER || snapshot.uptime == NEVER)
                return ctl_control_fail(ctl, BEARER_E_PROTOCOL);
        *ret_snapshot = snapshot;
        snapshot = (struct snapshot){0}; /* consumed */
        return EX_OK;
}

static bool is_renewal(struct json_object *answer, const char *renewal) {
        return strcmp(ctl_json_text(answer, "renewal"), renewal) == 0;
}

/* The exit status; all is said. */
static int ask_refresh(const struct ctl *ctl, const char *name, struct json_object **ret_answer) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        _cleanup_json_ struct json_object *answer = NULL;
        struct http1_response response;
        char target[sizeof "/v1/tokens//refresh" + TOKEN_NAME_MAX];
        int r;

        snprintf(target, sizeof target, "/v1/tokens/%s/refresh", name);
        r = ctl_control_ask(ctl, "POST", target, NULL, &connection, &response);
        if (r != 0)
                return ctl_control_fail(ctl, r);
        if (response.status == 404)
                return ctl_fail(ctl, BEARER_E_UNKNOWN);
        if (response.status == 202)
                answer = ctl_json_parse(response.body);
        if (!is_renewal(answer, "started") && !is_renewal(answer, "follows") &&
            !is_renewal(answer, "later"))
                return ctl_control_fail_answer(ctl, &response);
        *ret_answer = answer;
        answer = NULL; /* consumed */
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
        if (is_renewal(answer, "started"))
                buffer_append_text(out, "a new one is asked for now");
        else if (is_renewal(answer, "follows"))
                buffer_append_text(out, "one is being asked for already, and another one then");
        else
                write_later(out, answer);
}

static int refresh(const struct ctl *ctl, const char *name, struct buffer *out) {
        _cleanup_json_ struct json_object *answer = NULL;
        int status = ask_refresh(ctl, name, &answer);

        if (status != EX_OK)
                return status;
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

/* The one that was ANSWERed to, of a token that was as BEFORE. What was under way then, or came
 * since, is another one, which may have begun with what has been mended meanwhile. */
static uint64_t number_of(const struct snapshot *before, struct json_object *answer) {
        bool is_second = ctl_json_flag(before->token, "fetching") || is_renewal(answer, "follows");

        return before->ended + (is_second ? 2 : 1);
}

/* Until the renewal has ended that ANSWER is about, of a token that was as BEFORE, as long as
 * --wait says. The exit status; all is said. */
static int wait_for_end(const struct ctl *ctl, const char *name, const struct snapshot *before,
                        struct json_object *answer, struct snapshot *ret_snapshot) {
        uint64_t number = number_of(before, answer);
        uint64_t patience = (uint64_t)ctl->timeout_ms * NSEC_PER_MSEC;
        uint64_t deadline = clock_now() + patience;
        uint64_t next = ctl_json_number(answer, "next_attempt");
        struct timespec pause = clock_timespec(ASK_INTERVAL);

        if (next != NEVER && next > patience / NSEC_PER_SEC)
                return fail_late(ctl, name, answer);
        for (;;) {
                _cleanup_(snapshot_deinit) struct snapshot snapshot = {0};
                int status = look(ctl, name, &snapshot);

                if (status != EX_OK)
                        return status;
                if (snapshot.uptime < before->uptime)
                        return fail_restarted(name);
                if (snapshot.ended >= number) {
                        *ret_snapshot = snapshot;
                        snapshot = (struct snapshot){0}; /* consumed */
                        return EX_OK;
                }
                if (clock_now() >= deadline)
                        return fail_late(ctl, name, answer);
                clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
}

static int refresh_and_wait(const struct ctl *ctl, const char *name, struct buffer *out) {
        _cleanup_(snapshot_deinit) struct snapshot before = {0}, after = {0};
        _cleanup_json_ struct json_object *answer = NULL;
        int status = look(ctl, name, &before);

        if (status == EX_OK)
                status = ask_refresh(ctl, name, &answer);
        if (status == EX_OK)
                status = wait_for_end(ctl, name, &before, answer, &after);
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
