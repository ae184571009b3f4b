/* SPDX-License-Identifier: MIT */
/* operators - what operators ask at the control socket, and get. They do not wait: all is answered
 * at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/broker.h"
#include "io/server.h"
#include "settings.h"

struct operators {
        struct server server;            /* where they come in */
        struct broker *broker;           /* borrowed, as is the next one */
        const struct server *workers;    /* who is told of */
        bool is_config_right;            /* when it was read last */
        const struct settings *settings; /* borrowed, that count; NULL: there are none */
        const char *fetch;               /* borrowed: what makes token requests */
        uint64_t started_at;             /* bearerd */
        uint64_t started_at_unix;        /* seconds */
};

/* bearerd is starting. */
void operators_init(struct operators *operators, struct broker *broker,
                    const struct server *workers, const char *fetch);
/* Listens at FD; < 0: nowhere. 0, or -errno. */
int operators_start(struct operators *operators, struct loop *loop, int fd);
