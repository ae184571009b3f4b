/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/harden.h"

static int open_standard_descriptors(void) {
        int fd;

        do {
                fd = open("/dev/null", O_RDWR);
                if (fd < 0)
                        return -errno;
        } while (fd <= STDERR_FILENO);
        close(fd);
        return 0;
}

int harden_process(void) {
        struct rlimit none = {0, 0};

        umask(077);
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        /* Dumpable may come back with an exec; the limit stays. */
        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return -errno;
        return open_standard_descriptors();
}
