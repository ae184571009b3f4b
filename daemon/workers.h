/* SPDX-License-Identifier: MIT */
/* workers - what workers ask at the token socket, and get: at once, or when the core has it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/broker.h"
#include "io/epoch.h"
#include "io/server.h"
#include "settings.h"
#include "sockets.h"
#include "trail.h"
#include "wire/wordings.h"

struct workers {
        struct server server;      /* where they come in */
        struct wordings wordings;  /* of what they ask */
        struct broker *broker;     /* borrowed, as is the rest */
        struct trail *trail;       /* what they get is on record */
        struct epoch_file *epochs; /* what they may keep goes by it */
        bool has_units;            /* some policy asks for the unit of a worker */
};

/* WORKERS is zeroed. */
void workers_init(struct workers *workers, struct broker *broker, struct trail *trail,
                  struct epoch_file *epochs);
/* Listens at the token sockets of SOCKETS. 0, or -errno. */
int workers_start(struct workers *workers, struct loop *loop, const struct sockets *sockets);

/* SETTINGS are about to count. Who waits and whose unit was of no interest so far is known before
 * the new policies are applied: a worker that may have the token is not refused. */
void workers_seek_units(struct workers *workers, const struct settings *settings);
/* SETTINGS count. */
void workers_set(struct workers *workers, const struct settings *settings);

/* The core's reply to REQUEST, which is a worker's, is sent. */
void workers_answer(struct workers *workers, struct request *request, uint64_t now);
