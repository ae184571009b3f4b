/* SPDX-License-Identifier: MIT */
/* bearerctl_wait - waiting for a token, and for bearerd to be there: the command, and what write
 * begins with. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "client/bearerctl_token.h"

/* One request; bearerd itself waits no longer. */
#define ONE_WAIT (60 * NSEC_PER_SEC)
/* Between two, where an answer comes at once. */
#define PAUSE NSEC_PER_SEC

bool ctl_token_may_come(const struct ctl *ctl, int r) {
        switch (ctl_result(ctl, r)) {
        case BEARER_E_BUSY:
        case BEARER_E_DENIED:
        case BEARER_E_TIMEOUT:
        case BEARER_E_UNAVAILABLE:
        case -ECONNREFUSED:
        case -ECONNRESET:
        case -ENOENT:
                return true;
        default:
                return false;
        }
}

static void pause_until(uint64_t deadline) {
        struct timespec span = clock_timespec(time_min(time_until(deadline, clock_now()), PAUSE));

        clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

int ctl_token_await(const struct ctl *ctl, struct bearer *bearer, uint64_t deadline,
                    struct bearer_token **ret_token) {
        int r, told = 0;

        for (;;) {
                uint64_t left = time_min(time_until(deadline, clock_now()), ONE_WAIT);

                r = bearer_get(bearer, ctl->name, (int)(left / NSEC_PER_MSEC), ret_token);
                if (r == 0)
                        return 0;
                r = ctl_result(ctl, r);
                if (r != told)
                        ctl_fail(ctl, r);
                told = r;
                if (!ctl_token_may_come(ctl, r) || clock_now() >= deadline)
                        return r;
                pause_until(deadline);
        }
}

int ctl_wait(const struct ctl *ctl, struct buffer *out) {
        _cleanup_bearer_ struct bearer *bearer = NULL;
        _cleanup_token_ struct bearer_token *token = NULL;
        uint64_t deadline = NEVER;
        int r;

        if (ctl->patience != NEVER)
                deadline = time_add(clock_now(), ctl->patience * NSEC_PER_SEC);
        r = bearer_open(ctl->socket, &bearer);
        if (r != 0)
                return ctl_fail(ctl, r);
        r = ctl_token_await(ctl, bearer, deadline, &token);
        return r == 0 ? EX_OK : ctl_status_of(r);
}
