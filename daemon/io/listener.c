/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/address.h"
#include "io/listener.h"

/* Whether PATH is free to be taken: nothing there, or the socket of somebody who has died. */
static int check_path(const char *path, const struct sockaddr_un *address) {
        _cleanup_close_ int fd = -1;
        struct stat status;

        if (lstat(path, &status) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(status.st_mode))
                return -EEXIST;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
                return -EADDRINUSE;
        return errno == ECONNREFUSED || errno == ENOENT ? 0
               : errno == EAGAIN                        ? -EADDRINUSE /* alive, and busy */
                                                        : -errno;
}

/* Nobody can connect before mode and group are right, for nobody listens until then. Who tries is
 * refused as where nothing is yet, and tries again: for want of a permission it would not. */
static int make_socket(const char *path, const struct sockaddr_un *address, mode_t mode,
                       gid_t group) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        mode_t mask;
        int r;

        if (fd < 0)
                return -errno;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        mask = umask(0);
        r = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
        umask(mask);
        if (r < 0)
                return r;
        if ((group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0) || chmod(path, mode) < 0 ||
            listen(fd, SOMAXCONN) < 0) {
                r = -errno;
                unlink(path);
                return r;
        }
        r = fd;
        fd = -1; /* consumed */
        return r;
}

int listener_open(const char *path, mode_t mode, gid_t group) {
        struct sockaddr_un address;
        int r;

        r = address_of_path(path, &address);
        if (r < 0)
                return r;
        r = check_path(path, &address);
        if (r < 0)
                return r;
        return make_socket(path, &address, mode, group);
}

void listener_shut(int fd, const char *path) {
        struct sockaddr_un address;
        struct stat status;

        /* Who took the path over must not lose it: ours is the one that refuses from now on, though
         * a child that is about to become another program may have it open for a moment longer. */
        shutdown(fd, SHUT_RDWR);
        if (address_of_path(path, &address) == 0 && check_path(path, &address) == 0 &&
            lstat(path, &status) == 0)
                unlink(path);
}
