/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "io/journal.h"
#include "io/notify.h"
#include "io/service.h"

bool service_is_managed(void) {
        return getenv("NOTIFY_SOCKET") != NULL;
}

void service_init(struct service *service, uint64_t now) {
        uint64_t usec = 0;

        *service = (struct service){
                .watchdog_at = NEVER,
                .retry_at = NEVER,
                .retry_delay = SERVICE_RETRY,
        };
        if (sd_watchdog_enabled(0, &usec) > 0) {
                /* Half of it, as sd_watchdog_enabled(3) advises. */
                service->watchdog_interval = usec * NSEC_PER_USEC / 2;
                service->watchdog_at = now;
        }
}

/* False: the manager was not told. That is logged once, until it works again: a service manager
 * that is deaf would otherwise fill the journal. */
static bool tell(struct service *service, const char *text) {
        int r = notify(text);

        if (r == 0 || r == -EAGAIN)
                service->retry_delay = SERVICE_RETRY;
        if (r == 0) {
                service->is_unheard = false;
                return true;
        }
        if (!service->is_unheard)
                journal_strained("cannot tell the service manager, which is tried again", r);
        service->is_unheard = true;
        return false;
}

static bool tell_status(struct service *service) {
        char text[sizeof "STATUS=" + SERVICE_STATUS_MAX];

        snprintf(text, sizeof text, "STATUS=%s", service->status);
        return tell(service, text);
}

static void tell_again_later(struct service *service, uint64_t now) {
        service->retry_at = time_add(now, service->retry_delay);
}

void service_ready(struct service *service, uint64_t now) {
        service->is_ready = tell(service, "READY=1");
        if (!service->is_ready)
                tell_again_later(service, now);
}

/* With the time, which notify-reload wants since systemd 253 (sd_notify(3)). What is lost of it is
 * not told again: READY=1 follows. */
void service_reloading(struct service *service) {
        char text[64];
        struct timespec now = {0};

        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / NSEC_PER_USEC);
        tell(service, text);
}

/* The end itself tells the same. */
void service_stopping(struct service *service) {
        tell(service, "STOPPING=1");
}

void service_say(struct service *service, const char *status, uint64_t now) {
        if (strcmp(service->status, status) == 0)
                return;
        snprintf(service->status, sizeof service->status, "%s", status);
        if (!tell_status(service))
                tell_again_later(service, now);
}

static void tell_again(struct service *service, uint64_t now) {
        service->retry_at = NEVER;
        service->retry_delay = time_min(2 * service->retry_delay, SERVICE_RETRY_MAX);
        if (!service->is_ready)
                service_ready(service, now);
        if (service->retry_at == NEVER && service->status[0] && !tell_status(service))
                tell_again_later(service, now);
}

static void feed(struct service *service, uint64_t now) {
        uint64_t next = service->watchdog_interval;

        if (!tell(service, "WATCHDOG=1")) {
                next = time_min(next, service->retry_delay);
                service->retry_delay = time_min(2 * service->retry_delay, SERVICE_RETRY_MAX);
        }
        service->watchdog_at = time_add(now, next);
}

void service_expired(struct service *service, uint64_t ticked_at, bool is_behind, uint64_t now) {
        if (service->retry_at <= now)
                tell_again(service, now);
        if (now >= service->watchdog_at && ticked_at >= service->watchdog_at && !is_behind)
                feed(service, now);
}
