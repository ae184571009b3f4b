/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "io/passed.h"

int passed_init(struct passed *passed) {
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names);

        *passed = (struct passed){0};
        if (n <= 0)
                return n;
        passed->names = names;
        passed->n = passed->n_left = (size_t)n;
        return 0;
}

void passed_deinit(struct passed *passed) {
        for (size_t i = 0; i < passed->n; i++)
                if (passed->names[i])
                        close(SD_LISTEN_FDS_START + (int)i);
        for (size_t i = 0; i < passed->n; i++)
                free(passed->names[i]);
        free(passed->names);
        *passed = (struct passed){0};
}

int passed_take(struct passed *passed, const char *name) {
        for (size_t i = 0; i < passed->n; i++) {
                if (!passed->names[i] || strcmp(passed->names[i], name) != 0)
                        continue;
                free(passed->names[i]);
                passed->names[i] = NULL;
                passed->n_left--;
                return SD_LISTEN_FDS_START + (int)i;
        }
        return -ENOENT;
}

int passed_take_socket(struct passed *passed, const char *name) {
        _cleanup_close_ int fd = passed_take(passed, name);
        int flags, taken, r;

        if (fd < 0)
                return fd;
        r = sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0);
        if (r <= 0)
                return r < 0 ? r : -EINVAL;
        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        taken = fd;
        fd = -1; /* consumed */
        return taken;
}
