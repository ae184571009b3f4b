/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define CHUNK ((size_t)4096)

/* O_NONBLOCK: a FIFO without a writer would block open(2) forever; a regular file ignores it. */
static int open_regular(const char *path, struct stat *ret_status) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        int opened = fd;

        if (fd < 0 || fstat(fd, ret_status) < 0)
                return -errno;
        if (S_ISDIR(ret_status->st_mode))
                return -EISDIR;
        if (!S_ISREG(ret_status->st_mode))
                return -EINVAL;
        fd = -1; /* consumed */
        return opened;
}

/* The size that fstat(2) told is not relied on: files grow, and those of /proc have none. The
 * buffer has room for one byte more than MAX, so that a file of MAX bytes can be seen to end. */
static int read_all(int fd, size_t max, struct buffer *content) {
        for (;;) {
                size_t left = content->limit - content->size;
                size_t room = left < CHUNK ? left : CHUNK;
                ssize_t size;
                int r;

                r = buffer_reserve(content, room);
                if (r < 0)
                        return r;
                size = read(fd, content->data + content->size, room);
                if (size < 0 && errno == EINTR)
                        continue;
                if (size < 0)
                        return -errno;
                if (size == 0)
                        return 0;
                buffer_added(content, (size_t)size);
                if (content->size > max)
                        return -EFBIG;
        }
}

int file_read(const char *path, size_t max, struct buffer *ret_content, struct stat *ret_status) {
        struct buffer content = BUFFER_INIT(max + 1);
        _cleanup_close_ int fd = -1;
        struct stat status;
        int r;

        fd = open_regular(path, &status);
        if (fd < 0)
                return fd;
        r = read_all(fd, max, &content);
        if (r < 0) {
                buffer_deinit(&content);
                return r;
        }
        *ret_content = content;
        if (ret_status)
                *ret_status = status;
        return 0;
}

bool file_is_short(int error) {
        return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

const char *file_error(int error) {
        switch (error) {
        case -EINVAL:
                return "not a regular file";
        case -EFBIG:
                return "too long";
        default:
                return strerror(-error);
        }
}
