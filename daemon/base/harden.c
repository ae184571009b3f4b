/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/harden.h"

int harden_process(void) {
        struct rlimit none = {0, 0};

        umask(077);
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        /* Dumpable may come back with an exec; the limit stays. */
        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return -errno;
        return 0;
}
