/* SPDX-License-Identifier: MIT */
/* units - what units ask at the credential socket when they start, by systemd, and get. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/broker.h"
#include "io/credential.h"
#include "trail.h"

struct units {
        struct credential_socket socket; /* where systemd comes in */
        struct broker *broker;           /* borrowed, as is the next one */
        struct trail *trail;             /* what they get is on record */
};

/* UNITS is zeroed. */
void units_init(struct units *units, struct broker *broker, struct trail *trail);
/* Listens at FD; < 0: nowhere. 0, or -errno. */
int units_start(struct units *units, struct loop *loop, int fd);
/* Who waits is refused: closed without an answer, a unit would start with an empty credential. */
void units_stop(struct units *units, uint64_t now);

/* Whether REQUEST is a unit's. */
bool units_have(const struct units *units, const struct request *request);
/* The core's reply to REQUEST, which is a unit's, is given. */
void units_answer(struct units *units, struct request *request, uint64_t now);
