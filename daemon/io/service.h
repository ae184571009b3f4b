/* SPDX-License-Identifier: MIT */
/* service - bearerd as systemd sees it: readiness, status, watchdog (io/notify,
 * sd_watchdog_enabled(3)). Does nothing where there is no systemd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/timespan.h"

#define SERVICE_STATUS_MAX 511

/* What it could not be told is told again after this time; where nobody is to be told, ever more
 * rarely. */
#define SERVICE_RETRY     (100 * NSEC_PER_MSEC)
#define SERVICE_RETRY_MAX (60 * NSEC_PER_SEC)

struct service {
        uint64_t watchdog_interval; /* ns; 0: none */
        uint64_t watchdog_at;       /* when it is to be fed next; NEVER: not at all */
        uint64_t retry_at;          /* NEVER: all was told */
        uint64_t retry_delay;       /* the next one */
        bool is_ready;              /* of what is told again: READY=1, or only the status */
        bool is_unheard;            /* which was logged */
        char status[SERVICE_STATUS_MAX + 1];
};

/* Whether there is a service manager that wants to be told. */
bool service_is_managed(void);

void service_init(struct service *service, uint64_t now);

void service_ready(struct service *service, uint64_t now);
void service_reloading(struct service *service);
void service_stopping(struct service *service);
/* STATUS=, if it is another than before. */
void service_say(struct service *service, const char *status, uint64_t now);

static inline uint64_t service_deadline(const struct service *service) {
        return time_min(service->watchdog_at, service->retry_at);
}
/* Tells again what could not be told. Feeds the watchdog if it is time, and if that is proven to
 * mean something: the timer itself has fired since then, TICKED_AT, and nothing that was due is
 * left undone, IS_BEHIND. */
void service_expired(struct service *service, uint64_t ticked_at, bool is_behind, uint64_t now);
