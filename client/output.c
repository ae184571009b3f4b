/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "client/output.h"

int output_check(void) {
        int flags = fcntl(STDOUT_FILENO, F_GETFL);

        if (flags < 0)
                return -errno;
        return (flags & O_ACCMODE) == O_RDONLY ? -EBADF : 0;
}

int output_write(const struct buffer *out) {
        struct slice rest = buffer_slice(out);

        if (buffer_error(out) < 0)
                return buffer_error(out);
        while (rest.size > 0) {
                ssize_t n = write(STDOUT_FILENO, rest.data, rest.size);

                if (n >= 0) {
                        rest.data += n;
                        rest.size -= (size_t)n;
                } else if (errno != EINTR) {
                        return -errno;
                }
        }
        return 0;
}

int output_finish(const struct buffer *out) {
        int r = output_write(out);

        if (r < 0)
                return r;
        return close(STDOUT_FILENO) < 0 ? -errno : 0;
}
