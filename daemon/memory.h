/* SPDX-License-Identifier: MIT */
/* memory - what the broker knows outlives this process: it is written down before anybody is told
 * of it, and read by the next one. */
#pragma once

#include "core/broker.h"
#include "io/store.h"

struct memory {
        struct store store;
        bool is_recalled; /* what an earlier life has left is with the broker */
        bool is_lost;     /* it could not be written down, which was told */
};

/* FD is what systemd has kept for us; < 0: nothing. What goes wrong is told, and nothing is kept.
 */
void memory_open(struct memory *memory, int fd);
void memory_close(struct memory *memory);

/* BROKER, which was never configured, goes on, once, from what was written. What is of no use is
 * dropped, and that is told. */
void memory_recall(struct memory *memory, struct broker *broker, uint64_t now);

/* Writes down what BROKER knows, if that is something new. */
void memory_keep(struct memory *memory, struct broker *broker);
