/* SPDX-License-Identifier: MIT */
/* bearerctl_fail - what becomes of a result: what the user is told, and the exit status. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bearer.h"
#include "client/address.h"
#include "client/bearerctl.h"

static const struct advice {
        int result;
        int status;
        const char *next;
} advices[] = {
        {BEARER_E_DENIED, EX_CONFIG, "'bearerctl doctor' says what is wrong, and how to mend it"},
        {BEARER_E_UNAVAILABLE, EX_TEMPFAIL, "bearerd goes on trying, see 'bearerctl status'"},
        {BEARER_E_TIMEOUT, EX_TEMPFAIL, "'bearerctl status' says why"},
        {BEARER_E_FRESH, EX_TEMPFAIL, "if an API still answers 401, look at the permissions there"},
        {BEARER_E_BUSY, EX_TEMPFAIL, "try again in some seconds"},
        {BEARER_E_FORBIDDEN, EX_NOPERM,
         "see allow_users, allow_groups, allow_units in bearerd.conf"},
        {BEARER_E_UNKNOWN, EX_NOINPUT, "'bearerctl status' lists the tokens"},
        {BEARER_E_INVALID, EX_USAGE, "'bearerctl status' lists the tokens"},
        {BEARER_E_PROTOCOL, EX_PROTOCOL, "check --socket, and that the versions go together"},
        {-EINVAL, EX_USAGE, "a path or unix:///path is needed"},
        {-ENAMETOOLONG, EX_USAGE, "107 bytes are the most"},
        {-EACCES, EX_NOPERM, "add the user to group bearer, and log in anew"},
        {-ENOENT, EX_UNAVAILABLE, "start it (systemctl start bearerd.socket), or see --socket"},
        {-ECONNREFUSED, EX_UNAVAILABLE,
         "start it (systemctl start bearerd.socket), or see --socket"},
        {-ECONNRESET, EX_UNAVAILABLE, "'journalctl -u bearerd' says why"},
        {-ETIMEDOUT, EX_TEMPFAIL, "'journalctl -u bearerd' says why"}, /* of status and doctor */
};

static const struct advice *advice_on(int r) {
        static const struct advice other = {0, EX_OSERR, "'systemctl status bearerd' may say more"};

        for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
                if (advices[i].result == r)
                        return &advices[i];
        return &other;
}

int ctl_status_of(int r) {
        return advice_on(r)->status;
}

const char *ctl_advice(int r) {
        return advice_on(r)->next;
}

/* As the user gave it, or where that leads. */
static void print_socket(const struct ctl *ctl) {
        struct sockaddr_un address;

        if (address_resolve(ctl->socket, &address) == 0)
                fprintf(stderr, "bearerd at %s", address.sun_path);
        else
                fputs("the socket of --socket or $" ADDRESS_ENVIRONMENT, stderr);
}

int ctl_fail(const struct ctl *ctl, int r) {
        fputs("bearerctl: ", stderr);
        if (r < 0 || r == BEARER_E_PROTOCOL)
                print_socket(ctl);
        else if (ctl->name)
                fprintf(stderr, "token %s", ctl->name);
        else
                fputs("the default token", stderr);
        fprintf(stderr, ": %s; %s\n", bearer_strerror(r), ctl_advice(r));
        return ctl_status_of(r);
}

void ctl_span(struct buffer *out, uint64_t seconds) {
        static const struct {
                const char *name;
                uint64_t seconds;
        } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
        size_t i = 0;

        while (i < 3 && seconds < units[i].seconds)
                i++;
        buffer_printf(out, "%" PRIu64 " %s", seconds / units[i].seconds, units[i].name);
        seconds %= units[i].seconds;
        if (i < 3 && seconds / units[i + 1].seconds > 0)
                buffer_printf(out, " %" PRIu64 " %s", seconds / units[i + 1].seconds,
                              units[i + 1].name);
}
