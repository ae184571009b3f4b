/* SPDX-License-Identifier: MIT */
/* standing - how one token is, as bearerd tells operators on the control socket; and the renewal
 * that they ask for there, until it has ended. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/status.h"

struct standing {
        const char *name; /* of the token, borrowed */
        struct status status;
        struct json_object *token; /* borrowed from the status; NULL: there is none of that name */
        struct json_object *renewals; /* that have ended, by what came of them; borrowed */
        uint64_t ended;               /* all of them */
        uint64_t uptime;              /* of bearerd, seconds */
};

#define STANDING_INIT ((struct standing){.status = STATUS_INIT})

/* The token NAME now. 0; as status_ask_operator(). */
int standing_ask(const struct ctl *ctl, const char *name, struct standing *ret_standing);
void standing_deinit(struct standing *standing);

/* Has the token NAME renewed: when, is what *RET_ANSWER says. 0; BEARER_E_UNKNOWN;
 * BEARER_E_UNAVAILABLE, where bearerd has no configuration; else as status_ask_operator(). */
int standing_renew(const struct ctl *ctl, const char *name, struct json_object **ret_answer);
/* Whether that is WHEN: "started", now; "follows", when the one that is under way has ended; or
 * "later". */
bool standing_renewal_is(struct json_object *answer, const char *when);

/* Until the renewal has ended that ANSWER is about, of a token that was as BEFORE; or, without one,
 * that which was under way. TIMEOUT in ns. 0; -ETIME; -ECANCELED: bearerd was restarted
 * meanwhile; BEARER_E_UNKNOWN: there was no such token, or it is gone; else as standing_ask(). */
int standing_wait(const struct ctl *ctl, const struct standing *before, struct json_object *answer,
                  uint64_t timeout, struct standing *ret_standing);
