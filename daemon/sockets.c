/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/listener.h"
#include "sockets.h"

/* FileDescriptorName= in bearerd.socket, bearerd-credential.socket and bearerd-control.socket. */
#define TOKEN_SOCKET_NAME      "token"
#define CREDENTIAL_SOCKET_NAME "credential"
#define CONTROL_SOCKET_NAME    "control"

/* Whether ERROR says nothing about what was passed, but about the system. */
static bool tell_system(const char *what, int error) {
        if (error == -ENOENT || error == -EINVAL)
                return false;
        log_errno(MESSAGE_CANNOT_LISTEN, error, what);
        return true;
}

/* Each ListenStream= of bearerd.socket is one. At one that nobody serves, workers wait for ever. */
static int take_token_sockets(struct sockets *sockets, struct passed *passed) {
        int fd;

        while ((fd = passed_take_socket(passed, TOKEN_SOCKET_NAME)) >= 0 &&
               sockets->n_token < SERVER_SOCKETS_MAX)
                sockets->token[sockets->n_token++] = fd;
        if (fd == -ENOENT && sockets->n_token > 0)
                return 0;
        if (fd < 0 && tell_system("cannot use a token socket that systemd passed", fd))
                return fd;
        if (fd < 0) {
                log_line(MESSAGE_CANNOT_LISTEN,
                         "systemd passed sockets, but %s listening Unix stream socket with "
                         "FileDescriptorName=" TOKEN_SOCKET_NAME ": look at bearerd.socket",
                         sockets->n_token == 0 ? "no" : "one is no");
                return fd;
        }
        close(fd);
        log_line(MESSAGE_CANNOT_LISTEN,
                 "systemd passed more than %d sockets with FileDescriptorName=" TOKEN_SOCKET_NAME
                 ": look at bearerd.socket",
                 SERVER_SOCKETS_MAX);
        return -E2BIG;
}

/* There may be none, and not more than one. What is passed by this NAME, and is no such socket, is
 * an error of UNIT. */
static int take_another(struct passed *passed, const char *name, const char *unit, int *ret_fd) {
        int more;

        *ret_fd = passed_take_socket(passed, name);
        if (*ret_fd == -ENOENT)
                return 0;
        if (*ret_fd < 0 && tell_system("cannot use a socket that systemd passed", *ret_fd))
                return *ret_fd;
        more = passed_take_socket(passed, name);
        if (*ret_fd >= 0 && more == -ENOENT)
                return 0;
        if (more >= 0)
                close(more);
        log_line(MESSAGE_CANNOT_LISTEN,
                 "what systemd passed as FileDescriptorName=%s is not one listening Unix stream "
                 "socket: look at %s",
                 name, unit);
        return -EINVAL;
}

int sockets_take(struct sockets *sockets, struct passed *passed) {
        int r;

        if (passed->n_left == 0)
                return 0;
        r = take_token_sockets(sockets, passed);
        if (r == 0)
                r = take_another(passed, CREDENTIAL_SOCKET_NAME, "bearerd-credential.socket",
                                 &sockets->credential);
        if (r == 0)
                r = take_another(passed, CONTROL_SOCKET_NAME, "bearerd-control.socket",
                                 &sockets->control);
        return r;
}

static const char *advice(int error) {
        switch (-error) {
        case EADDRINUSE:
                return "another bearerd serves it: stop that one, or choose another path";
        case EEXIST:
                return "there is something that is no socket: move it away, or choose another path";
        case ENOENT:
                return "its directory does not exist: create it";
        case ENAMETOOLONG:
                return "the path is longer than 107 bytes: choose a shorter one";
        case EACCES:
                return "no permission: its directory must be writable for bearerd";
        }
        return strerror(-error);
}

static void say_cannot_listen(const char *path, int error) {
        struct log_message message;

        log_begin(&message, MESSAGE_CANNOT_LISTEN);
        log_field(&message, "ERRNO", "%d", -error);
        log_send(&message, "cannot listen at %s: %s", path, advice(error));
}

/* Listens at PATH, which *RET_PATH is a copy of. */
static int make(const char *path, mode_t mode, gid_t group, int *ret_fd, char **ret_path) {
        char *copy = strdup(path);
        int r = copy ? listener_open(path, mode, group) : -ENOMEM;

        if (r < 0) {
                say_cannot_listen(path, r);
                free(copy);
                return r;
        }
        *ret_fd = r;
        *ret_path = copy;
        return 0;
}

int sockets_make(struct sockets *sockets, const char *path, const struct settings *settings) {
        const struct config *config = settings->config;
        int r;

        if (!path)
                path = config->socket[0] ? config->socket : TOKEN_SOCKET;
        r = make(path, config->socket_mode, settings->socket_group, &sockets->token[0],
                 &sockets->path);
        sockets->n_token = r < 0 ? 0 : 1;
        return r;
}

int sockets_make_control(struct sockets *sockets, const char *path) {
        return make(path, 0600, (gid_t)-1, &sockets->control, &sockets->control_path);
}

/* Only the paths that we made need to be taken away: the rest goes with the process. */
void sockets_shut(struct sockets *sockets) {
        if (sockets->path)
                listener_shut(sockets->token[0], sockets->path);
        if (sockets->control_path)
                listener_shut(sockets->control, sockets->control_path);
        free(sockets->path);
        free(sockets->control_path);
        *sockets = SOCKETS_NONE;
}
