/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "memory.h"
#include "wire/slots.h"
#include "wire/store.h"

/* SLOTS tokens, and their accounts. */
#define TEXT_MAX ((size_t)65536)

static const struct slots_boot boot = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

void memory_init(struct memory *memory, bool is_diligent) {
        if (!memory->slots)
                memory->slots = malloc(slots_size(TEXT_MAX));
        if (!memory->slots)
                abort();
        memory->text.limit = TEXT_MAX;
        memory->is_diligent = is_diligent;
        memory_lose(memory);
}

void memory_lose(struct memory *memory) {
        slots_format(memory->slots, slots_size(TEXT_MAX), &boot);
}

void memory_deinit(struct memory *memory) {
        buffer_deinit(&memory->text);
        free(memory->slots);
        *memory = (struct memory){0};
}

void memory_keep(struct memory *memory, struct broker *broker, bool at_end) {
        bool has_changed = broker_take_change(broker);

        if (!at_end && !(has_changed && memory->is_diligent))
                return;
        buffer_clear(&memory->text);
        store_render(&memory->text, broker);
        if (buffer_error(&memory->text) < 0)
                abort();
        slots_write(memory->slots, slots_size(TEXT_MAX), buffer_slice(&memory->text));
}

bool memory_recall(struct memory *memory, struct broker *broker, uint64_t now) {
        struct slice text;
        int r = slots_read(memory->slots, slots_size(TEXT_MAX), &boot, &text);

        if (r == -ENODATA)
                return false;
        if (r < 0 || store_parse(text, broker, now) < 0)
                abort();
        return true;
}
