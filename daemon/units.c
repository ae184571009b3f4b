/* SPDX-License-Identifier: MIT */
#include "units.h"
#include "io/journal.h"

/* The unit cannot be told why it gets none: operators are. */
void units_answer(struct units *units, struct request *request, uint64_t now) {
        struct credential_asker *asker = credential_asker_of(request);
        const struct reply *reply = &request->reply;

        if (reply->kind == REPLY_TOKEN) {
                trail_give(units->trail, asker, now);
                if (credential_give(asker, secret_slice(&reply->token->lease.access_token)))
                        return;
        }
        journal_credential_refused(asker->address.unit, asker->address.id, reply);
        credential_refuse(asker, now);
}

bool units_have(const struct units *units, const struct request *request) {
        return request->owner == &units->socket;
}

/* The credential's id is a hint: whatever it is called, it may be the default token. */
static void asked(void *user, struct credential_asker *asker, uint64_t now) {
        struct units *units = user;
        struct want any = {0};

        if (broker_request(units->broker, &asker->request, asker->address.id, true, &any,
                           CREDENTIAL_WAIT, &asker->peer, now) != REPLY_WAIT)
                units_answer(units, &asker->request, now);
}

static void left(void *user, struct credential_asker *asker) {
        struct units *units = user;

        broker_cancel(units->broker, &asker->request);
}

void units_init(struct units *units, struct broker *broker, struct trail *trail) {
        units->broker = broker;
        units->trail = trail;
}

int units_start(struct units *units, struct loop *loop, int fd) {
        struct credential_owner owner = {units, asked, left};

        return credential_socket_start(&units->socket, loop, fd, &owner);
}

void units_stop(struct units *units, uint64_t now) {
        struct credential_asker *asker;

        while ((asker = credential_socket_first(&units->socket))) {
                broker_cancel(units->broker, &asker->request);
                units_answer(units, &asker->request, now);
        }
        credential_socket_stop(&units->socket);
}
