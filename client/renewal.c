/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

#include "client/clock.h"
#include "client/renewal.h"
#include "core/name.h"

#define INTERVAL_MIN (250 * NSEC_PER_MSEC)
#define INTERVAL_MAX (5 * NSEC_PER_SEC)
#define FRACTION     8 /* of what is left */

struct renewal {
        struct bearer *bearer;
        char name[TOKEN_NAME_MAX + 1];
        uint64_t generation;
        int timer;
};

/* The shorter what is left, the more often. */
static int arm(struct renewal *renewal, uint64_t expires_in) {
        uint64_t left = time_min(expires_in, FRACTION * INTERVAL_MAX / NSEC_PER_SEC);
        uint64_t interval = time_max(left * NSEC_PER_SEC / FRACTION, INTERVAL_MIN);
        struct itimerspec value = {0};

        value.it_value = value.it_interval = clock_timespec(interval);
        return timerfd_settime(renewal->timer, 0, &value, NULL) < 0 ? -errno : 0;
}

int renewal_new(struct bearer *bearer, const struct bearer_token *token,
                struct renewal **ret_renewal) {
        _cleanup_(cleanup_renewal) struct renewal *renewal = calloc(1, sizeof *renewal);
        int r;

        if (!renewal)
                return -ENOMEM;
        renewal->timer = -1;
        renewal->bearer = bearer;
        renewal->generation = bearer_token_generation(token);
        strncpy(renewal->name, bearer_token_name(token), sizeof renewal->name - 1);
        renewal->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (renewal->timer < 0)
                return -errno;
        r = arm(renewal, bearer_token_expires_in(token));
        if (r < 0)
                return r;
        *ret_renewal = renewal;
        renewal = NULL; /* consumed */
        return 0;
}

struct renewal *renewal_free(struct renewal *renewal) {
        if (!renewal)
                return NULL;
        if (renewal->timer >= 0)
                close(renewal->timer);
        free(renewal);
        return NULL;
}

int renewal_fd(const struct renewal *renewal) {
        return renewal->timer;
}

int renewal_take(struct renewal *renewal, struct bearer_token **ret_token) {
        struct bearer_token *token;
        uint64_t expirations;
        int r;

        *ret_token = NULL;
        if (read(renewal->timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
                return -errno;
        r = bearer_get(renewal->bearer, renewal->name, 0, &token);
        if (r != 0)
                return r;
        r = arm(renewal, bearer_token_expires_in(token));
        if (r < 0 || bearer_token_generation(token) <= renewal->generation) {
                bearer_token_unref(token);
                return r;
        }
        renewal->generation = bearer_token_generation(token);
        *ret_token = token;
        return 0;
}
