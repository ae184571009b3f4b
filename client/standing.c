/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/timespan.h"
#include "bearer.h"
#include "client/bearerctl_json.h"
#include "client/standing.h"
#include "core/name.h"

#define POLL_INTERVAL (100 * NSEC_PER_MSEC)

/* ---- how it is ---- */

int standing_ask(const struct ctl *ctl, const char *name, struct standing *ret_standing) {
        _cleanup_(standing_deinit) struct standing standing = STANDING_INIT;
        int r = status_ask_operator(ctl, &standing.status);

        if (r != 0)
                return r;
        standing.name = name;
        standing.token = ctl_json_token(standing.status.answer, name);
        standing.renewals =
                ctl_json_object(ctl_json_object(standing.token, "counters"), "renewals");
        standing.ended = ctl_json_sum(standing.renewals);
        standing.uptime = ctl_json_number(standing.status.answer, "uptime");
        if (standing.uptime == NEVER || (standing.token && standing.ended == NEVER))
                return BEARER_E_PROTOCOL;
        *ret_standing = standing;
        standing = STANDING_INIT; /* consumed */
        return 0;
}

void standing_deinit(struct standing *standing) {
        status_deinit(&standing->status);
        *standing = STANDING_INIT;
}

/* ---- a renewal ---- */

bool standing_renewal_is(struct json_object *answer, const char *when) {
        return strcmp(ctl_json_text(answer, "renewal"), when) == 0;
}

static int take_answer(const struct http1_response *response, struct json_object **ret_answer) {
        _cleanup_json_ struct json_object *answer = NULL;

        switch (response->status) {
        case 202:
                break;
        case 404:
                return BEARER_E_UNKNOWN;
        case 503:
                return BEARER_E_UNAVAILABLE;
        default:
                return BEARER_E_PROTOCOL;
        }
        answer = ctl_json_parse(response->body);
        if (!standing_renewal_is(answer, "started") && !standing_renewal_is(answer, "follows") &&
            !standing_renewal_is(answer, "later"))
                return BEARER_E_PROTOCOL;
        *ret_answer = answer;
        answer = NULL; /* consumed */
        return 0;
}

int standing_renew(const struct ctl *ctl, const char *name, struct json_object **ret_answer) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        struct http1_response response;
        char target[sizeof "/v1/tokens//refresh" + TOKEN_NAME_MAX];
        int r;

        snprintf(target, sizeof target, "/v1/tokens/%s/refresh", name);
        r = ctl_control_ask(ctl, "POST", target, NULL, &connection, &response);
        return r != 0 ? r : take_answer(&response, ret_answer);
}

/* ---- its end ---- */

/* What was under way when that was asked for, or came since, is another one, which may have begun
 * with what has been mended meanwhile. */
static uint64_t number_of(const struct standing *before, struct json_object *answer) {
        bool is_second = answer && (ctl_json_flag(before->token, "fetching") ||
                                    standing_renewal_is(answer, "follows"));

        return before->ended + (is_second ? 2 : 1);
}

/* How it is after it was as BEFORE. As standing_wait(). */
static int look_again(const struct ctl *ctl, const struct standing *before,
                      struct standing *ret_standing) {
        int r = standing_ask(ctl, before->name, ret_standing);

        if (r != 0)
                return r;
        if (ret_standing->uptime < before->uptime)
                return -ECANCELED;
        return ret_standing->token ? 0 : BEARER_E_UNKNOWN;
}

int standing_wait(const struct ctl *ctl, const struct standing *before, struct json_object *answer,
                  uint64_t timeout, struct standing *ret_standing) {
        uint64_t number = number_of(before, answer), deadline = time_add(clock_now(), timeout);
        struct timespec pause = clock_timespec(POLL_INTERVAL);

        if (!before->token)
                return BEARER_E_UNKNOWN;
        for (;;) {
                _cleanup_(standing_deinit) struct standing standing = STANDING_INIT;
                int r = look_again(ctl, before, &standing);

                if (r != 0)
                        return r;
                if (standing.ended >= number) {
                        *ret_standing = standing;
                        standing = STANDING_INIT; /* consumed */
                        return 0;
                }
                if (clock_now() >= deadline)
                        return -ETIME;
                clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
}
