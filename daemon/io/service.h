/* SPDX-License-Identifier: MIT */
/* service - bearerd as systemd sees it: readiness, status, watchdog (sd_notify(3),
 * sd_watchdog_enabled(3)). Does nothing where there is no systemd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_STATUS_MAX 511

struct service {
        uint64_t watchdog_interval; /* ns; 0: none */
        uint64_t watchdog_at;       /* when it is to be fed next; NEVER: not at all */
        char status[SERVICE_STATUS_MAX + 1];
};

/* Whether there is a service manager that wants to be told. */
bool service_is_managed(void);

void service_init(struct service *service, uint64_t now);

void service_ready(void);
void service_reloading(void);
void service_stopping(void);
/* STATUS=, if it is another than before. */
void service_say(struct service *service, const char *status);

static inline uint64_t service_deadline(const struct service *service) {
        return service->watchdog_at;
}
/* Feeds the watchdog if it is time, and if that is proven to mean something: the timer itself has
 * fired since then, TICKED_AT, and nothing that was due is left undone, IS_BEHIND. */
void service_expired(struct service *service, uint64_t ticked_at, bool is_behind, uint64_t now);
