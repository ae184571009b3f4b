/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "fetch/key.h"
#include "fetch/keygen.h"

static int write_line(int fd, const struct secret *text) {
        size_t done = 0;

        while (done < text->size) {
                ssize_t size = write(fd, text->data + done, text->size - done);

                if (size < 0 && errno != EINTR)
                        return -errno;
                if (size > 0)
                        done += (size_t)size;
        }
        return write(fd, "\n", 1) == 1 ? 0 : -EIO;
}

int keygen(const char *algorithm) {
        struct secret private = SECRET_INIT, public_set = SECRET_INIT;
        enum signing_algorithm found;
        int r;

        if (!signing_algorithm_find(algorithm, &found)) {
                log_line(MESSAGE_WRONG_USAGE, "--keygen must be " SIGNING_ALGORITHM_WORDS);
                return EX_USAGE;
        }
        r = key_generate(found, &private, &public_set);
        if (r == 0)
                r = write_line(KEYGEN_FD, &private);
        if (r == 0 && close(KEYGEN_FD) < 0)
                r = -errno;
        if (r == 0)
                r = write_line(STDOUT_FILENO, &public_set);
        if (r < 0)
                log_errno(MESSAGE_CANNOT_GO_ON, r,
                          "cannot make a key and write it (see bearerctl keygen)");
        secret_deinit(&private);
        secret_deinit(&public_set);
        return r < 0 ? EX_IOERR : EX_OK;
}
