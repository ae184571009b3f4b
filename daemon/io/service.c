/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "base/timespan.h"
#include "io/service.h"

bool service_is_managed(void) {
        return getenv("NOTIFY_SOCKET") != NULL;
}

void service_init(struct service *service, uint64_t now) {
        uint64_t usec = 0;

        *service = (struct service){.watchdog_at = NEVER};
        if (sd_watchdog_enabled(0, &usec) > 0) {
                /* Half of it, as sd_watchdog_enabled(3) advises. */
                service->watchdog_interval = usec * NSEC_PER_USEC / 2;
                service->watchdog_at = now;
        }
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

void service_expired(struct service *service, uint64_t ticked_at, bool is_behind, uint64_t now) {
        if (now < service->watchdog_at || ticked_at < service->watchdog_at || is_behind)
                return;
        sd_notify(0, "WATCHDOG=1");
        service->watchdog_at = now + service->watchdog_interval;
}
