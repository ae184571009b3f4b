/* SPDX-License-Identifier: MIT */
/* bearerctl_fail - what becomes of a result: what the user is told, and the exit status. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"
#include "client/bearerctl.h"
#include "client/socketgroup.h"

#define NAME_IT "--socket or $" ADDRESS_ENVIRONMENT " must name bearerd's, as a rule " TOKEN_SOCKET

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
        {BEARER_E_INVALID, EX_USAGE, "name one that 'bearerctl status' lists"},
        {BEARER_E_PROTOCOL, EX_PROTOCOL, "check --socket, and that the versions go together"},
        {-EINVAL, EX_USAGE, "a path or unix:///path is needed"},
        {-ENAMETOOLONG, EX_USAGE, "107 bytes are the most"},
        {-EACCES, EX_NOPERM, "'bearerctl doctor' says what is in the way"},
        {-ENOENT, EX_UNAVAILABLE, "start it (systemctl start bearerd.socket), or see --socket"},
        {-ECONNREFUSED, EX_UNAVAILABLE,
         "start it (systemctl start bearerd.socket), or see --socket"},
        {-ENOTSOCK, EX_UNAVAILABLE, NAME_IT},
        {-ENOTDIR, EX_UNAVAILABLE, NAME_IT},
        {-EPROTOTYPE, EX_UNAVAILABLE, NAME_IT},
        {-EMFILE, EX_OSERR, "'ulimit -n' shows how many this process may have"},
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

const char *ctl_text(int r) {
        return r == -ENOTSOCK ? "it is no socket" : bearer_strerror(r);
}

int ctl_result(const struct ctl *ctl, int r) {
        struct sockaddr_un address;

        return address_resolve(ctl->socket, &address) == 0 ? ask_result(&address, r) : r;
}

/* As the user gave it, or where that leads. */
static void print_socket(const struct ctl *ctl) {
        struct sockaddr_un address;

        if (address_resolve(ctl->socket, &address) == 0)
                fprintf(stderr, "bearerd at %s", address.sun_path);
        else
                fputs("the socket of --socket or $" ADDRESS_ENVIRONMENT, stderr);
}

static void print_token(const struct ctl *ctl, int r) {
        if (ctl->name)
                fprintf(stderr, r == BEARER_E_INVALID ? "'%s'" : "token %s", ctl->name);
        else
                fputs("the default token", stderr);
}

/* How a user gets in at the socket; where that cannot be seen, a directory on the way is closed. */
static void print_access(const struct ctl *ctl) {
        char group[GROUP_NAME_SIZE];
        struct sockaddr_un address;
        struct stat status;
        const char *mend;

        if (address_resolve(ctl->socket, &address) < 0 || stat(address.sun_path, &status) < 0) {
                fprintf(stderr, "; %s\n", ctl_advice(-EACCES));
                return;
        }
        mend = socketgroup_mend(address.sun_path, &status);
        group_name(status.st_gid, group, sizeof group);
        if (mend)
                fprintf(stderr, "; %s\n", mend);
        else
                fprintf(stderr, "; add the user to group %s, and log in anew\n", group);
}

/* libbearer has one result for two mistakes. */
static const char *text_of(const struct ctl *ctl, int r) {
        if (r == BEARER_E_INVALID)
                return ctl->name ? "not the name of a token" : "there is none";
        return ctl_text(r);
}

int ctl_fail(const struct ctl *ctl, int r) {
        r = ctl_result(ctl, r);
        fputs("bearerctl: ", stderr);
        if (r < 0 || r == BEARER_E_PROTOCOL)
                print_socket(ctl);
        else
                print_token(ctl, r);
        fprintf(stderr, ": %s", text_of(ctl, r));
        if (r == -EACCES)
                print_access(ctl);
        else
                fprintf(stderr, "; %s\n", ctl_advice(r));
        return ctl_status_of(r);
}

int ctl_fail_stdout(int r) {
        fprintf(stderr, "bearerctl: stdout: %s; what was written is not whole\n",
                bearer_strerror(r));
        return EX_IOERR;
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
