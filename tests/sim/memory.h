/* SPDX-License-Identifier: MIT */
/* memory - what outlives the broker, as in bearerd: its text in slots. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "core/broker.h"

struct memory {
        bool is_diligent; /* keeps every change; else what there is at an orderly end */
        struct buffer text;
        void *slots;
};

void memory_init(struct memory *memory, bool is_diligent);
void memory_deinit(struct memory *memory);

/* What BROKER knows is written down, if it has changed; AT_END: whatever happened. */
void memory_keep(struct memory *memory, struct broker *broker, bool at_end);
/* BROKER, a new one, knows what was written down last. False: there is nothing. */
bool memory_recall(struct memory *memory, struct broker *broker, uint64_t now);
/* It is lost. */
void memory_lose(struct memory *memory);
