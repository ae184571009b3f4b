/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/listener.h"
#include "sockets.h"

/* FileDescriptorName= in bearerd.socket and bearerd-credential.socket. */
#define TOKEN_SOCKET_NAME      "token"
#define CREDENTIAL_SOCKET_NAME "credential"

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

/* There may be none: it is systemd alone that asks there. */
static int take_credential_socket(struct sockets *sockets, struct passed *passed) {
        int more;

        sockets->credential = passed_take_socket(passed, CREDENTIAL_SOCKET_NAME);
        if (sockets->credential == -ENOENT)
                return 0;
        if (sockets->credential < 0 &&
            tell_system("cannot use the credential socket that systemd passed",
                        sockets->credential))
                return sockets->credential;
        more = passed_take_socket(passed, CREDENTIAL_SOCKET_NAME);
        if (sockets->credential >= 0 && more == -ENOENT)
                return 0;
        if (more >= 0)
                close(more);
        log_line(MESSAGE_CANNOT_LISTEN,
                 "what systemd passed as FileDescriptorName=" CREDENTIAL_SOCKET_NAME
                 " is not one listening Unix stream socket: look at bearerd-credential.socket");
        return -EINVAL;
}

int sockets_take(struct sockets *sockets, struct passed *passed) {
        int r;

        if (passed->n_left == 0)
                return 0;
        r = take_token_sockets(sockets, passed);
        return r < 0 ? r : take_credential_socket(sockets, passed);
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

int sockets_make(struct sockets *sockets, const char *path, const struct settings *settings) {
        const struct config *config = settings->config;
        char *copy;
        int r;

        if (!path)
                path = config->socket[0] ? config->socket : TOKEN_SOCKET;
        copy = strdup(path);
        r = copy ? listener_open(path, config->socket_mode, settings->socket_group) : -ENOMEM;
        if (r < 0) {
                say_cannot_listen(path, r);
                free(copy);
                return r;
        }
        sockets->token[sockets->n_token++] = r;
        sockets->path = copy;
        return 0;
}

/* Only what we made needs to be taken away again: the rest goes with the process. */
void sockets_close(struct sockets *sockets) {
        if (sockets->path)
                listener_close(sockets->token[0], sockets->path);
        free(sockets->path);
        *sockets = SOCKETS_NONE;
}
