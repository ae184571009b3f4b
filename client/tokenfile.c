/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "client/tokenfile.h"

void tokenfile_deinit(struct tokenfile *file) {
        if (file->directory >= 0)
                close(file->directory);
        if (file->put >= 0)
                close(file->put);
        free(file->name);
        free(file->fresh);
        *file = TOKENFILE_INIT;
}

static int open_directory(const char *path, const char *name, int *ret_fd) {
        size_t size = (size_t)(name - path);
        _cleanup_free_ char *directory = size > 0 ? strndup(path, size) : strdup(".");

        if (!directory)
                return -ENOMEM;
        *ret_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret_fd < 0 ? -errno : 0;
}

int tokenfile_open(const char *path, mode_t mode, struct tokenfile *ret_file) {
        _cleanup_(tokenfile_deinit) struct tokenfile file = TOKENFILE_INIT;
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        int r;

        if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return -EISDIR;
        file.mode = mode;
        file.name = strdup(name);
        if (!file.name || asprintf(&file.fresh, ".%s.bearerctl", name) < 0) {
                file.fresh = NULL;
                return -ENOMEM;
        }
        r = open_directory(path, name, &file.directory);
        if (r < 0)
                return r;
        *ret_file = file;
        file = TOKENFILE_INIT; /* consumed */
        return 0;
}

const char *tokenfile_obstacle(const struct tokenfile *file) {
        struct stat there;

        if (fstatat(file->directory, file->name, &there, AT_SYMLINK_NOFOLLOW) < 0)
                return NULL; /* of what else is wrong, putting it there says more */
        switch (there.st_mode & S_IFMT) {
        case S_IFREG:
                return NULL;
        case S_IFDIR:
                return "directory";
        case S_IFLNK:
                return "symbolic link";
        case S_IFIFO:
                return "pipe";
        case S_IFSOCK:
                return "socket";
        default:
                return "device";
        }
}

/* fsync: a file that is there after a crash is whole. */
static int fill(const struct tokenfile *file, int fd, const char *value) {
        size_t size = strlen(value);
        ssize_t written = write(fd, value, size);

        if (written < 0)
                return -errno;
        if ((size_t)written != size)
                return -ENOSPC;
        return fchmod(fd, file->mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* What an earlier run that was killed has left is in the way of O_EXCL, which takes no file that
 * somebody else has made. */
static int make(const struct tokenfile *file, const char *value, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        int r;

        if (unlinkat(file->directory, file->fresh, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(file->directory, file->fresh,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = fill(file, fd, value);
        if (r < 0) {
                unlinkat(file->directory, file->fresh, 0);
                return r;
        }
        *ret_fd = fd;
        fd = -1; /* consumed */
        return 0;
}

int tokenfile_put(struct tokenfile *file, const char *value) {
        _cleanup_close_ int fd = -1;
        int r = tokenfile_obstacle(file) ? -EEXIST : make(file, value, &fd);

        if (r < 0)
                return r;
        if (renameat(file->directory, file->fresh, file->directory, file->name) < 0) {
                r = -errno;
                unlinkat(file->directory, file->fresh, 0);
                return r;
        }
        if (file->put >= 0)
                close(file->put);
        file->put = fd;
        fd = -1; /* consumed */
        return 0;
}

static bool is_there(const struct tokenfile *file) {
        struct stat ours, there;

        return file->put >= 0 && fstat(file->put, &ours) == 0 &&
               fstatat(file->directory, file->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
               ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

void tokenfile_remove(struct tokenfile *file) {
        if (is_there(file))
                unlinkat(file->directory, file->name, 0);
        unlinkat(file->directory, file->fresh, 0);
        if (file->put >= 0)
                close(file->put);
        file->put = -1;
}

bool tokenfile_clear(const struct tokenfile *file) {
        unlinkat(file->directory, file->fresh, 0);
        return !tokenfile_obstacle(file) && unlinkat(file->directory, file->name, 0) == 0;
}
