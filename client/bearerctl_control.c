/* SPDX-License-Identifier: MIT */
/* bearerctl_control - what operators ask on the control socket, and what goes wrong there; and the
 * command that needs no more than that: metrics. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"
#include "client/bearerctl.h"

#define PROMETHEUS_TYPE  "text/plain; version=0.0.4"
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

/* ---- what is asked ---- */

int ctl_control_ask(const struct ctl *ctl, const char *method, const char *target,
                    const char *accept, struct connection **ret_connection,
                    struct http1_response *ret_response) {
        struct sockaddr_un address;
        int r = ask_control_address(ctl->control, &address);

        return r < 0 ? r : ask(&address, method, target, accept, ret_connection, ret_response);
}

/* Whether RESPONSE is of the media type TYPE, whatever its charset. */
static bool is_of_type(const struct http1_response *response, const char *type) {
        struct slice given = response->content_type;
        size_t size = strlen(type);

        return given.size >= size && memcmp(given.data, type, size) == 0 &&
               (given.size == size || given.data[size] == ';');
}

int ctl_metrics(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        const char *type = ctl->openmetrics ? OPENMETRICS_TYPE : PROMETHEUS_TYPE;
        struct http1_response response;
        int r = ctl_control_ask(ctl, "GET", "/metrics", type, &connection, &response);

        if (r != 0)
                return ctl_control_fail(ctl, r);
        if (response.status != 200 || !is_of_type(&response, type))
                return ctl_control_fail(ctl, BEARER_E_PROTOCOL);
        buffer_append_slice(out, response.body);
        return EX_OK;
}
