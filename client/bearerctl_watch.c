/* SPDX-License-Identifier: MIT */
/* bearerctl_watch - the command that tells of each new generation of a token: a line, or a command
 * that is run. Has no token itself. Goes on over restarts of bearerd, until it is ended or may not
 * have the token any more. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bearer.h"
#include "client/address.h"
#include "client/bearerctl.h"
#include "client/child.h"
#include "client/output.h"
#include "client/watch.h"
#include "wire/json.h"

#define LINE_MAX ((size_t)512)
#define SHELL    "/bin/sh"

/* ---- what is told ---- */

static void write_json(struct buffer *out, const struct event *event) {
        struct json_writer json = {out};

        json_begin(&json, NULL, '{');
        json_string(&json, "name", slice_of(event->name));
        json_integer(&json, "generation", event->generation);
        json_integer(&json, "expires_at", event->expires_at);
        json_integer(&json, "expires_in", event->expires_in);
        json_end(&json, '}');
}

static void write_text(struct buffer *out, const struct event *event) {
        buffer_printf(out, "%s: generation %" PRIu64 ", valid for ", event->name,
                      event->generation);
        ctl_span(out, event->expires_in);
}

/* At once: whoever reads it waits for it. */
static int write_line(const struct ctl *ctl, const struct event *event) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(LINE_MAX);
        int r;

        if (ctl->json)
                write_json(&line, event);
        else
                write_text(&line, event);
        buffer_append_char(&line, '\n');
        r = output_write(&line);
        return r < 0 ? ctl_fail_stdout(r) : EX_OK;
}

/* ---- what is run ---- */

static int set_number(const char *name, uint64_t value) {
        char text[sizeof "18446744073709551615"];

        snprintf(text, sizeof text, "%" PRIu64, value);
        return setenv(name, text, true);
}

static int set_environment(const struct event *event) {
        if (setenv("BEARERD_NAME", event->name, true) < 0 ||
            set_number("BEARERD_GENERATION", event->generation) < 0 ||
            set_number("BEARERD_EXPIRES_AT", event->expires_at) < 0)
                return -errno;
        return 0;
}

/* A failure is the command's own: it is told, and the next generation is another try. */
static void tell_failure(const char *command, int status) {
        if (WIFSIGNALED(status))
                fprintf(stderr, "bearerctl: watch: %s: killed by signal %d\n", command,
                        WTERMSIG(status));
        else if (WEXITSTATUS(status) != 0)
                fprintf(stderr, "bearerctl: watch: %s: exit status %d\n", command,
                        WEXITSTATUS(status));
}

static int fail_run(int r) {
        fprintf(stderr,
                "bearerctl: watch: " SHELL
                " cannot be run: %s; 'ulimit -a' shows what this process "
                "may have\n",
                bearer_strerror(r));
        return EX_OSERR;
}

_Noreturn static void become_command(const char *command, const struct event *event) {
        int r = set_environment(event);

        if (r == 0) {
                execl(SHELL, SHELL, "-c", command, (char *)NULL);
                r = -errno;
        }
        _exit(fail_run(r));
}

/* One at a time: what comes meanwhile is told by the next one. */
static int run_command(const char *command, const struct event *event) {
        _cleanup_(child_deinit) struct child child = CHILD_INIT;
        int status, r = child_init(&child);

        if (r == 0)
                r = child_fork(&child);
        if (r == 0)
                become_command(command, event);
        if (r > 0)
                r = child_wait(&child, &status);
        if (r < 0)
                return fail_run(r);
        if (child.passed_on == 0)
                tell_failure(command, status);
        child_release(&child);
        return child.passed_on == 0 ? EX_OK : 128 + child.passed_on;
}

/* ---- what goes wrong ---- */

/* Of what was there before, it is known that it comes back; whatever else may pass is waited for as
 * well. */
static bool is_the_end(int r, bool was_there) {
        switch (r) {
        case -ENOENT:
        case -ECONNREFUSED:
        case -ECONNRESET:
                return !was_there;
        case BEARER_E_BUSY:
        case BEARER_E_TIMEOUT:
        case BEARER_E_UNAVAILABLE:
                return false;
        default:
                return true;
        }
}

/* What is in the way is told once, until something else is. */
static void warn(const struct ctl *ctl, int r, int *told) {
        if (*told != r)
                (void)ctl_fail(ctl, r);
        *told = r;
}

/* Until there is something to do. False: nobody reads what is written any more. */
static bool wait_for_news(const struct ctl *ctl, const struct watch *watch) {
        struct pollfd pollfds[] = {
                {.fd = watch->epoll, .events = POLLIN},
                {.fd = ctl->exec ? -1 : STDOUT_FILENO},
        };

        (void)poll(pollfds, 2, -1);
        return !(pollfds[1].revents & (POLLERR | POLLHUP));
}

static int tell(const struct ctl *ctl, const struct event *event) {
        switch (event->kind) {
        case EVENT_IS_NONE:
                return EX_OK;
        case EVENT_IS_GONE:
                fprintf(stderr,
                        "bearerctl: token %s: generation %" PRIu64 " has been given up, and "
                        "there is no other yet; 'bearerctl status' says why\n",
                        event->name, event->generation);
                return EX_OK;
        case EVENT_IS_TOKEN:
                break;
        }
        return ctl->exec ? run_command(ctl->exec, event) : write_line(ctl, event);
}

static int follow(const struct ctl *ctl, struct watch *watch) {
        bool was_there = false;
        int told = 0;

        while (wait_for_news(ctl, watch)) {
                struct event event;
                int status, r = watch_dispatch(watch, &event);

                was_there |= watch->state == WATCH_FOLLOWS;
                if (r != 0 && is_the_end(r, was_there))
                        return ctl_fail(ctl, r);
                if (r != 0) {
                        warn(ctl, r, &told);
                        continue;
                }
                if (watch->state == WATCH_FOLLOWS)
                        told = 0;
                status = tell(ctl, &event);
                if (status != EX_OK)
                        return status;
        }
        return EX_IOERR; /* in silence, as by SIGPIPE */
}

int ctl_watch(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(cleanup_watch) struct watch *watch = NULL;
        struct sockaddr_un address;
        int r = address_resolve(ctl->socket, &address);

        if (r == 0 && ctl->name && !token_name_is_valid(slice_of(ctl->name)))
                r = BEARER_E_INVALID;
        if (r == 0)
                r = watch_new(&address, ctl->name, &watch);
        if (r != 0)
                return ctl_fail(ctl, r);
        r = ctl->exec ? 0 : output_check();
        return r == 0 ? follow(ctl, watch) : ctl_fail_stdout(r);
}
