/* SPDX-License-Identifier: MIT */
/* bearerctl - the command line: what its commands share.
 *
 * Speaks to bearerd as any worker does, and has no right that its user has not. A token goes to
 * stdout, or to a command or a file, where it was asked for, and nowhere else: not into a message,
 * not into argv. Every error is one line on stderr: what, where, and what to do next. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sysexits.h>

#include "base/buffer.h"
#include "client/connection.h"

/* Of doctor: something is wrong, and named. */
#define EXIT_WRONG 1

/* What a command was told. */
struct ctl {
        const char *verb;      /* the command's own name */
        const char *socket;    /* --socket, or NULL */
        const char *control;   /* --control, or NULL */
        const char *name;      /* of the token, or NULL: the default one; of help: a command's */
        const char *file;      /* FILE of write */
        const char *env;       /* --env, or NULL */
        const char *exec;      /* --exec, or NULL */
        const char *as;        /* --as, or NULL: who calls */
        const char *config;    /* --config, or NULL: the installed one */
        const char *fetch;     /* --fetch, or NULL: the installed one */
        const char *algorithm; /* --algorithm */
        const char *output;    /* --output, or NULL */
        bool encrypt;          /* --encrypt */
        bool json;             /* --json */
        bool once;             /* --once */
        bool openmetrics;      /* --openmetrics */
        bool restart;          /* --restart-on-renewal */
        bool no_request;       /* --no-request */
        int fd;                /* --fd; -1: none */
        unsigned mode;         /* --mode */
        uint64_t min_valid;    /* --min-valid, seconds; 0: any */
        uint64_t patience;     /* --timeout, seconds; NEVER: as long as it takes */
        int timeout_ms;        /* --wait; -1: not given, as for bearer_get() */
        char *const *command;  /* behind "--", or NULL */
};

/* Commands give the exit status. They write to OUT, which goes to stdout if it is EX_OK; those that
 * go on for longer write to stdout themselves. */
int ctl_doctor(const struct ctl *ctl, struct buffer *out);
int ctl_exec(const struct ctl *ctl, struct buffer *out);
int ctl_get(const struct ctl *ctl, struct buffer *out);
int ctl_header(const struct ctl *ctl, struct buffer *out);
int ctl_keygen(const struct ctl *ctl, struct buffer *out);
int ctl_metrics(const struct ctl *ctl, struct buffer *out);
int ctl_refresh(const struct ctl *ctl, struct buffer *out);
int ctl_renew(const struct ctl *ctl, struct buffer *out);
int ctl_status(const struct ctl *ctl, struct buffer *out);
int ctl_wait(const struct ctl *ctl, struct buffer *out);
int ctl_watch(const struct ctl *ctl, struct buffer *out);
int ctl_write(const struct ctl *ctl, struct buffer *out);

/* Tells the user about R, -errno or BEARER_E_*, and gives the exit status for it. */
int ctl_fail(const struct ctl *ctl, int r);
/* What R of the token socket means, as ask_result(). */
int ctl_result(const struct ctl *ctl, int r);
/* R in words; what can be done about it; and the exit status alone. */
const char *ctl_text(int r);
const char *ctl_advice(int r);
int ctl_status_of(int r);

/* The same for R of stdout. */
int ctl_fail_stdout(int r);

/* The same for what was asked on the control socket, and where bearerd has no configuration. */
int ctl_control_fail(const struct ctl *ctl, int r);
const char *ctl_control_advice(int r);
int ctl_fail_unconfigured(void);
/* One request there: as ask(), client/ask. */
int ctl_control_ask(const struct ctl *ctl, const char *method, const char *target,
                    const char *accept, struct connection **ret_connection,
                    struct http1_response *ret_response);

/* Writes SECONDS as people say them: "52 min 10 s". */
void ctl_span(struct buffer *out, uint64_t seconds);
