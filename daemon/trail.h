/* SPDX-License-Identifier: MIT */
/* trail - the audit: from what is answered to what is put on record.
 *
 * A record is written before the answer is sent, so that nobody has a token who is on none; who
 * does not take the answer is on record all the same. Refusals that are about who asks are on
 * record; those that are about the token or its endpoint are told once, for the token (io/journal),
 * and those of units that systemd starts are told whatever the audit is. */
#pragma once

#include <stdint.h>

#include "core/audit.h"
#include "io/connection.h"
#include "io/credential.h"
#include "io/peer.h"
#include "wire/config.h"

struct trail {
        struct audit audit;
        struct peer_processes processes;
};

void trail_deinit(struct trail *trail);

/* From now on. What is known of who has had what is forgotten if MODE is another one. */
void trail_set(struct trail *trail, enum config_audit mode);

/* CONNECTION, which has asked for NAME ("": for the default one, or long ago), is about to be sent
 * its reply. */
void trail_answer(struct trail *trail, struct connection *connection, const char *name,
                  uint64_t now);
/* ASKER is about to be sent its token. */
void trail_give(struct trail *trail, const struct credential_asker *asker, uint64_t now);
/* As of struct server_owner. */
void trail_turn_away(struct trail *trail, int fd, const struct peer *peer, uint64_t now);

/* When trail_expired() is due. */
uint64_t trail_deadline(const struct trail *trail);
/* Tells what was left out by then; at NEVER, all of it. */
void trail_expired(struct trail *trail, uint64_t now);
