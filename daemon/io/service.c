/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "base/timespan.h"
#include "io/service.h"

void service_init(struct service *service, uint64_t now) {
        uint64_t usec = 0;

        *service = (struct service){.watchdog_at = NEVER};
        if (sd_watchdog_enabled(0, &usec) > 0) {
                /* Half of it, as sd_watchdog_enabled(3) advises. */
                service->watchdog_interval = usec * NSEC_PER_USEC / 2;
                service->watchdog_at = now;
        }
}

static void free_names(char **names) {
        for (char **name = names; name && *name; name++)
                free(*name);
        free(names);
}

static int check_socket(int fd) {
        int flags = fcntl(fd, F_GETFL);

        if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
                return -EINVAL;
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        return fd;
}

int service_take_socket(const char *name) {
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names), taken = -ENOENT;

        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (taken == -ENOENT && strcmp(names[i], name) == 0)
                        taken = check_socket(fd);
                if (taken != fd)
                        close(fd);
        }
        if (n > 0 && taken == -ENOENT)
                taken = -EINVAL;
        free_names(names);
        return n < 0 ? n : taken;
}

void service_ready(void) {
        sd_notify(0, "READY=1");
}

/* With the time, which notify-reload wants since systemd 253 (sd_notify(3)). */
void service_reloading(void) {
        struct timespec now = {0};

        clock_gettime(CLOCK_MONOTONIC, &now);
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / NSEC_PER_USEC);
}

void service_stopping(void) {
        sd_notify(0, "STOPPING=1");
}

void service_say(struct service *service, const char *status) {
        if (strcmp(service->status, status) == 0)
                return;
        snprintf(service->status, sizeof service->status, "%s", status);
        sd_notifyf(0, "STATUS=%s", service->status);
}

void service_expired(struct service *service, uint64_t now) {
        if (now < service->watchdog_at)
                return;
        sd_notify(0, "WATCHDOG=1");
        service->watchdog_at = now + service->watchdog_interval;
}
