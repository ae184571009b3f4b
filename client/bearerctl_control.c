/* SPDX-License-Identifier: MIT */
/* bearerctl_control - the commands for operators: what is asked on the control socket. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"
#include "client/bearerctl.h"
#include "client/bearerctl_json.h"
#include "core/name.h"

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0"

/* ---- what goes wrong ---- */

#define NAME_IT                                                                                    \
        "--control or $" CONTROL_ENVIRONMENT " must name bearerd's, as a rule " CONTROL_SOCKET

static const struct advice {
        int result;
        int status;
        const char *next;
} advices[] = {
        {BEARER_E_UNKNOWN, EX_NOINPUT, "'bearerctl status' lists the tokens"},
        {BEARER_E_PROTOCOL, EX_PROTOCOL, "check --control, and that the versions go together"},
        {-EINVAL, EX_USAGE, "a path or unix:///path is needed"},
        {-ENAMETOOLONG, EX_USAGE, "107 bytes are the most"},
        {-EACCES, EX_NOPERM, "it is for root alone"},
        {-ENOENT, EX_UNAVAILABLE,
         "start it (systemctl start bearerd-control.socket), or see --control"},
        {-ECONNREFUSED, EX_UNAVAILABLE, "start it (systemctl start bearerd), or see --control"},
        {-ENOTSOCK, EX_UNAVAILABLE, NAME_IT},
        {-ENOTDIR, EX_UNAVAILABLE, NAME_IT},
        {-EPROTOTYPE, EX_UNAVAILABLE, NAME_IT},
        {-ECONNRESET, EX_UNAVAILABLE, "'journalctl -u bearerd' says why"},
        {-ETIMEDOUT, EX_TEMPFAIL, "'journalctl -u bearerd' says why"},
};

static const struct advice *advice_on(int r) {
        static const struct advice other = {0, EX_OSERR, "'systemctl status bearerd' may say more"};

        for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
                if (advices[i].result == r)
                        return &advices[i];
        return &other;
}

const char *ctl_control_advice(int r) {
        return advice_on(r)->next;
}

int ctl_control_fail(const struct ctl *ctl, int r) {
        struct sockaddr_un address;

        if (ask_control_address(ctl->control, &address) == 0)
                fprintf(stderr, "bearerctl: control socket of bearerd at %s", address.sun_path);
        else
                fputs("bearerctl: the socket of --control or $" CONTROL_ENVIRONMENT, stderr);
        fprintf(stderr, ": %s; %s\n", ctl_text(r), ctl_control_advice(r));
        return advice_on(r)->status;
}

int ctl_fail_unconfigured(void) {
        fputs("bearerctl: bearerd has no tokens, for its configuration is wrong; 'systemctl status "
              "bearerd' says what to mend\n",
              stderr);
        return EX_CONFIG;
}

/* What is no answer to what was asked. */
static int fail_answer(const struct ctl *ctl, const struct http1_response *response) {
        if (response->status == 503)
                return ctl_fail_unconfigured();
        return ctl_control_fail(ctl, BEARER_E_PROTOCOL);
}

/* ---- commands ---- */

int ctl_control_ask(const struct ctl *ctl, const char *method, const char *target,
                    const char *accept, struct connection **ret_connection,
                    struct http1_response *ret_response) {
        struct sockaddr_un address;
        int r = ask_control_address(ctl->control, &address);

        return r < 0 ? r : ask(&address, method, target, accept, ret_connection, ret_response);
}

int ctl_metrics(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        struct http1_response response;
        int r = ctl_control_ask(ctl, "GET", "/metrics", ctl->openmetrics ? OPENMETRICS_TYPE : NULL,
                                &connection, &response);

        if (r != 0)
                return ctl_control_fail(ctl, r);
        if (response.status != 200)
                return fail_answer(ctl, &response);
        buffer_append_slice(out, response.body);
        return EX_OK;
}

/* The name of the default token, by the status. The exit status; all is said. */
static int find_default(const struct ctl *ctl, char ret_name[TOKEN_NAME_MAX + 1]) {
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
                return fail_answer(ctl, &response);
        if (!ctl_json_flag(answer, "configured"))
                return ctl_fail_unconfigured();
        for (size_t i = 0; i < json_object_array_length(tokens); i++) {
                struct json_object *token = json_object_array_get_idx(tokens, i);
                const char *name = ctl_json_text(token, "name");

                if (!ctl_json_flag(token, "is_default") || !token_name_is_valid(slice_of(name)))
                        continue;
                strcpy(ret_name, name);
                return EX_OK;
        }
        return ctl_fail(ctl, BEARER_E_INVALID);
}

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
        if (seconds == UINT64_MAX) {
                buffer_append_text(out, "later");
        } else {
                buffer_append_text(out, "in ");
                ctl_span(out, seconds);
        }
        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
                if (strcmp(ctl_json_text(answer, "waits_for"), reasons[i].waits_for) == 0)
                        buffer_printf(out, ": %s", reasons[i].text);
}

/* False: that is no answer. */
static bool write_refresh(struct buffer *out, const char *name, struct json_object *answer) {
        const char *renewal = ctl_json_text(answer, "renewal");

        buffer_printf(out, "token %s: ", name);
        if (strcmp(renewal, "started") == 0)
                buffer_append_text(out, "a new one is asked for now");
        else if (strcmp(renewal, "follows") == 0)
                buffer_append_text(out, "one is being asked for already, and another one then");
        else if (strcmp(renewal, "later") == 0)
                write_later(out, answer);
        else
                return false;
        buffer_append_char(out, '\n');
        return true;
}

static int refresh(const struct ctl *ctl, const char *name, struct buffer *out) {
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
        if (!answer || !write_refresh(out, name, answer))
                return fail_answer(ctl, &response);
        return EX_OK;
}

int ctl_refresh(const struct ctl *ctl, struct buffer *out) {
        char name[TOKEN_NAME_MAX + 1];
        int status;

        if (ctl->name)
                return token_name_is_valid(slice_of(ctl->name)) ? refresh(ctl, ctl->name, out)
                                                                : ctl_fail(ctl, BEARER_E_INVALID);
        status = find_default(ctl, name);
        return status == EX_OK ? refresh(ctl, name, out) : status;
}
