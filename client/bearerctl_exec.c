/* SPDX-License-Identifier: MIT */
/* bearerctl_exec - runs a command with the token in its environment, or in a descriptor; once, or
 * anew with each token (supervisor). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/bearerctl_token.h"
#include "client/supervisor.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* By pwrite(2): who inherits the descriptor reads from the beginning. */
static int make_file(const char *value, int *ret_fd) {
        _cleanup_close_ int fd = memfd_create("bearer-token", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        size_t size = strlen(value);
        ssize_t written;

        if (fd < 0)
                return -errno;
        written = pwrite(fd, value, size, 0);
        if (written < 0)
                return -errno;
        if ((size_t)written != size)
                return -EIO;
        if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        *ret_fd = fd;
        fd = -1; /* consumed */
        return 0;
}

/* As descriptor NUMBER, which the command inherits. */
static int place_file(const char *value, int number) {
        _cleanup_close_ int fd = -1;
        int r = make_file(value, &fd);

        if (r < 0)
                return r;
        if (fd == number) {
                fd = -1; /* consumed */
                return fcntl(number, F_SETFD, 0) < 0 ? -errno : 0;
        }
        return dup2(fd, number) < 0 ? -errno : 0;
}

static int place_token(const struct ctl *ctl, const struct bearer_token *token) {
        const char *variable = ctl->env      ? ctl->env
                               : ctl->fd < 0 ? "BEARER_TOKEN"
                                             : "BEARER_TOKEN_FD";
        const char *value = bearer_token_value(token);
        char number[16];

        if (ctl->fd >= 0) {
                int r = place_file(value, ctl->fd);

                if (r < 0)
                        return r;
                snprintf(number, sizeof number, "%d", ctl->fd);
                value = number;
        }
        return setenv(variable, value, true) < 0 ? -errno : 0;
}

/* As shells do: 127 for no such command, 126 for one that cannot be run. */
static int run(const struct ctl *ctl, const struct bearer_token *token) {
        int r = place_token(ctl, token);

        if (r == -EBADF || r == -EMFILE) {
                fprintf(stderr, "bearerctl: exec: --fd %d: %s; see 'ulimit -n'\n", ctl->fd,
                        bearer_strerror(r));
                return EX_OSERR;
        }
        if (r < 0) {
                fprintf(stderr,
                        "bearerctl: exec: the token cannot be handed over: %s; 'ulimit -a' shows "
                        "what this process may have\n",
                        bearer_strerror(r));
                return EX_OSERR;
        }
        execvp(ctl->command[0], ctl->command);
        r = -errno;
        fprintf(stderr, "bearerctl: exec: %s: %s; %s\n", ctl->command[0], bearer_strerror(r),
                r == -ENOENT ? "check its name, and $PATH"
                             : "a program is needed that this user may run");
        return r == -ENOENT ? 127 : 126;
}

int ctl_exec(const struct ctl *ctl, struct buffer *out) {
        _cleanup_bearer_ struct bearer *bearer = NULL;
        _cleanup_token_ struct bearer_token *token = NULL;
        int status = 0, r = ctl_token_get(ctl, &bearer, &token);

        if (r != 0)
                return ctl_fail(ctl, r);
        if (!ctl->restart)
                return run(ctl, token);
        r = supervise(ctl, bearer, token, run, &status);
        if (r == 0)
                return status;
        fprintf(stderr, "bearerctl: exec: %s; 'ulimit -a' shows what this process may have\n",
                bearer_strerror(r));
        return EX_OSERR;
}
