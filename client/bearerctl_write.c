/* SPDX-License-Identifier: MIT */
/* bearerctl_write - keeps the token in a file, for programs that can only read files. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/bearerctl_token.h"
#include "client/renewal.h"
#include "client/signals.h"
#include "client/tokenfile.h"

struct writer {
        const struct ctl *ctl;
        struct bearer *bearer;
        const char *name; /* of the token */
        struct tokenfile *file;
        uint64_t expires_at; /* of what is in the file; NEVER: it is not there */
        int told;            /* the reason that was told last */
};

static int fail_obstacle(const struct ctl *ctl, const char *obstacle) {
        fprintf(stderr,
                "bearerctl: write: %s: it is a %s; name a regular file, or one that is not there "
                "yet; for standard output there is 'get'\n",
                ctl->file, obstacle);
        return EX_CANTCREAT;
}

static int fail_file(const struct ctl *ctl, int r) {
        fprintf(stderr,
                "bearerctl: write: %s: %s; a file in a directory is needed that this user may "
                "write to\n",
                ctl->file, bearer_strerror(r));
        return EX_CANTCREAT;
}

/* The exit status. */
static int put_value(const struct ctl *ctl, struct tokenfile *file,
                     const struct bearer_token *token) {
        int r = tokenfile_put(file, bearer_token_value(token));
        const char *obstacle = r == -EEXIST ? tokenfile_obstacle(file) : NULL;

        if (obstacle)
                return fail_obstacle(ctl, obstacle);
        return r < 0 ? fail_file(ctl, r) : EX_OK;
}

/* The exit status. What is told of a life is rounded down, by bearerd and by libbearer. */
static int put(struct writer *writer, const struct bearer_token *token) {
        uint64_t life = (bearer_token_expires_in(token) + 2) * NSEC_PER_SEC;

        writer->expires_at = time_add(clock_now(), life);
        return put_value(writer->ctl, writer->file, token);
}

/* The exit status. The same token granted again, for longer, is no renewal that would be told. */
static int expire(struct writer *writer) {
        _cleanup_token_ struct bearer_token *again = NULL;

        if (clock_now() < writer->expires_at)
                return EX_OK;
        if (bearer_get(writer->bearer, writer->name, 0, &again) == 0)
                return put(writer, again);
        tokenfile_remove(writer->file);
        fprintf(stderr,
                "bearerctl: write: %s: its token has expired, and there is no other: it is removed "
                "until there is; 'bearerctl status' says why\n",
                writer->ctl->file);
        writer->expires_at = NEVER;
        return EX_OK;
}

/* The exit status: EX_OK, and it goes on. */
static int take(struct writer *writer, struct renewal *renewal) {
        _cleanup_token_ struct bearer_token *newer = NULL;
        int r = renewal_take(renewal, &newer);

        if (r != 0 && r != writer->told)
                ctl_fail(writer->ctl, r);
        writer->told = r;
        return newer ? put(writer, newer) : EX_OK;
}

static int timeout_of(const struct writer *writer) {
        uint64_t left = time_until(writer->expires_at, clock_now());

        return left == NEVER ? -1 : (int)time_min(left / NSEC_PER_MSEC + 1, INT32_MAX);
}

/* Until a signal says that it is over. */
static int keep(struct writer *writer, struct renewal *renewal, int signals) {
        struct pollfd ready[] = {
                {.fd = signals, .events = POLLIN},
                {.fd = renewal_fd(renewal), .events = POLLIN},
        };
        int status = EX_OK;

        while (status == EX_OK && !ready[0].revents) {
                if (poll(ready, 2, timeout_of(writer)) < 0 && errno != EINTR)
                        return ctl_fail(writer->ctl, -errno);
                if (ready[1].revents)
                        status = take(writer, renewal);
                if (status == EX_OK)
                        status = expire(writer);
        }
        tokenfile_remove(writer->file);
        return status;
}

/* A file that is there already, as of one that was killed, is of a token that may be good no more:
 * nobody is to go by it while one is waited for. 0; or the reason, which is said. */
static int await_first(const struct ctl *ctl, struct bearer *bearer, const struct tokenfile *file,
                       struct bearer_token **ret_token) {
        int r = bearer_get(bearer, ctl->name, 0, ret_token);

        if (r == 0)
                return 0;
        if (ctl_token_may_come(ctl, r) && tokenfile_clear(file))
                fprintf(stderr,
                        "bearerctl: write: %s: what is there may have expired, and there is no "
                        "token now: it is removed until there is; 'bearerctl status' says why\n",
                        ctl->file);
        return ctl_token_await(ctl, bearer, NEVER, ret_token);
}

static int keep_fresh(const struct ctl *ctl, struct tokenfile *file) {
        static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, 0};
        struct writer writer = {.ctl = ctl, .file = file, .expires_at = NEVER};
        _cleanup_bearer_ struct bearer *bearer = NULL;
        _cleanup_(cleanup_renewal) struct renewal *renewal = NULL;
        _cleanup_close_ int signals = -1;
        _cleanup_token_ struct bearer_token *token = NULL;
        int r;

        r = bearer_open(ctl->socket, &bearer);
        if (r != 0)
                return ctl_fail(ctl, r);
        r = await_first(ctl, bearer, file, &token);
        if (r != 0)
                return ctl_status_of(r);
        writer.bearer = bearer;
        writer.name = bearer_token_name(token);
        signals = signals_open(numbers, NULL);
        r = put(&writer, token);
        if (r != EX_OK)
                return r;
        r = signals < 0 ? signals : renewal_new(ctl->socket, bearer, token, &renewal);
        if (r < 0) {
                tokenfile_remove(file);
                return ctl_fail(ctl, r);
        }
        return keep(&writer, renewal, signals);
}

static int write_once(const struct ctl *ctl, struct tokenfile *file) {
        _cleanup_bearer_ struct bearer *bearer = NULL;
        _cleanup_token_ struct bearer_token *token = NULL;
        int r = ctl_token_get(ctl, &bearer, &token);

        return r == 0 ? put_value(ctl, file, token) : ctl_fail(ctl, r);
}

int ctl_write(const struct ctl *ctl, struct buffer *out) {
        _cleanup_(tokenfile_deinit) struct tokenfile file = TOKENFILE_INIT;
        int r = tokenfile_open(ctl->file, ctl->mode, &file);
        const char *obstacle = r == 0 ? tokenfile_obstacle(&file) : NULL;

        if (r < 0)
                return fail_file(ctl, r);
        if (obstacle)
                return fail_obstacle(ctl, obstacle);
        return ctl->once ? write_once(ctl, &file) : keep_fresh(ctl, &file);
}
