/* SPDX-License-Identifier: MIT */
/* bearerctl_keygen - makes a key pair for a token whose client signs: the private key becomes a
 * credential, the public one is written to stdout, to be registered. bearerd-fetch makes it; it
 * never is in the memory of this program. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bearer.h"
#include "client/bearerctl.h"

#define PATH_SIZE 4096
#define KEY_FD    3 /* of bearerd-fetch --keygen */

static int fail(const char *what, const char *why, const char *next) {
        fprintf(stderr, "bearerctl: keygen: %s: %s; %s\n", what, why, next);
        return EX_CANTCREAT;
}

static int fail_file(const char *path, int error) {
        switch (error) {
        case EEXIST:
                return fail(path, "it is there already", "remove it, or --output another");
        case ENOENT:
                return fail(path, "its directory is not there", "'install -d -m 0700' makes one");
        default:
                return fail(path, bearer_strerror(-error),
                            "be root, or --output where this user may write");
        }
}

/* Starts COMMAND with FD as its descriptor TO, and nothing else of ours. 0, or -errno. */
static int start(const char *const *command, int fd, int to, pid_t *ret_pid) {
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(&actions, fd, to);
        if (r == 0)
                r = posix_spawnp(ret_pid, command[0], &actions, NULL,
                                 (char *const *)(uintptr_t)command, environ);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* The exit status, or what a shell makes of a signal. */
static int finish(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EX_OSERR;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *const *command, int fd, int to) {
        pid_t pid = -1;
        int r = start(command, fd, to, &pid);

        return r < 0 ? fail(command[0], bearer_strerror(r), "see --fetch") : finish(pid);
}

/* Before a key is made, which would be shown for nothing. 0: PATH can be made, it seems; -errno. */
static int look(const char *path) {
        _cleanup_free_ char *directory = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);

        if (!directory)
                return -ENOMEM;
        if (access(path, F_OK) == 0)
                return -EEXIST;
        return access(directory, W_OK) < 0 ? -errno : 0;
}

/* Into the file NEXT, which is open as FD, and then to PATH, if nothing is there. */
static int write_and_move(const char *const *maker, int fd, const char *next, const char *path) {
        int status = run(maker, fd, KEY_FD);

        if ((fsync(fd) < 0 || close(fd) < 0) && status == EX_OK)
                status = fail_file(next, errno);
        if (status == EX_OK && link(next, path) < 0)
                status = fail_file(path, errno);
        return status;
}

/* Under another name first: nobody reads half of it. */
static int write_plain(const char *const *maker, const char *path) {
        char next[PATH_SIZE + sizeof ".XXXXXX"];
        int fd, status;

        snprintf(next, sizeof next, "%s.XXXXXX", path);
        fd = mkostemp(next, O_CLOEXEC); /* of mode 0600 */
        if (fd < 0)
                return fail_file(path, errno);
        status = write_and_move(maker, fd, next, path);
        unlink(next);
        return status;
}

/* systemd-creds(1) replaces what is there, and leaves the mode of what it makes to the umask. What
 * is wrong it says itself. */
static int write_encrypted(const char *const *maker, const char *path, const char *credential) {
        char name[PATH_SIZE];
        const char *const command[] = {"systemd-creds", "encrypt", name, "-", path, NULL};
        int ends[2], status;
        pid_t pid = -1;

        snprintf(name, sizeof name, "--name=%s", credential);
        umask(0077);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail("pipe", bearer_strerror(-errno),
                            "'ulimit -n' shows how many there may be");
        status = start(command, ends[0], STDIN_FILENO, &pid);
        close(ends[0]);
        if (status < 0) {
                close(ends[1]);
                return fail(command[0], bearer_strerror(status), "leave out --encrypt without it");
        }
        status = run(maker, ends[1], KEY_FD);
        close(ends[1]);
        if (status != EX_OK) {
                finish(pid);
                unlink(path);
                return status;
        }
        if (finish(pid) == 0)
                return EX_OK;
        return fail(path, "systemd-creds has not written it",
                    "register nothing: what is above has no private key");
}

int ctl_keygen(const struct ctl *ctl, struct buffer *out) {
        const char *fetch = ctl->fetch ? ctl->fetch : FETCH_PROGRAM;
        const char *const maker[] = {fetch, "--keygen", ctl->algorithm, NULL};
        char credential[64], path[PATH_SIZE];
        int status;

        snprintf(credential, sizeof credential, "%s.private_key", ctl->name);
        if (ctl->output)
                snprintf(path, sizeof path, "%s", ctl->output);
        else
                snprintf(path, sizeof path, "/etc/credstore%s/%s", ctl->encrypt ? ".encrypted" : "",
                         credential);
        status = look(path);
        if (status < 0)
                return fail_file(path, -status);
        status = ctl->encrypt ? write_encrypted(maker, path, credential) : write_plain(maker, path);
        if (status != EX_OK)
                return status;
        fprintf(stderr,
                "bearerctl: the private key is in %s; register what is above, and write "
                "signing_algorithm = %s and private_key = ",
                path, ctl->algorithm);
        fprintf(stderr, ctl->output && !ctl->encrypt ? "file:%s\n" : "credential:%s\n",
                ctl->output && !ctl->encrypt ? path : credential);
        return EX_OK;
}
