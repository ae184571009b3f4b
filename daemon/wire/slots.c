/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/fnv1a.h"
#include "wire/slots.h"

struct slot {
        uint64_t serial; /* 0: no text */
        uint64_t size;
        uint64_t checksum;
        char text[];
};

struct header {
        char magic[12];
        uint32_t version;
        struct slots_boot boot;
};

static const char magic[12] = "bearerd slot";

size_t slots_size(size_t text_max) {
        return sizeof(struct header) + 2 * (sizeof(struct slot) + text_max);
}

static size_t slot_size(size_t size) {
        return (size - sizeof(struct header)) / 2;
}

static struct slot *slot_at(const void *memory, size_t size, unsigned which) {
        uintptr_t first = (uintptr_t)memory + sizeof(struct header);

        return (struct slot *)(first + which * slot_size(size));
}

static uint64_t checksum(uint64_t serial, struct slice text) {
        uint64_t sum = FNV1A_INIT;

        sum = fnv1a(sum, &serial, sizeof serial);
        sum = fnv1a(sum, &text.size, sizeof text.size);
        return fnv1a(sum, text.data, text.size);
}

/* What is written before it is in memory before what is written after it, as a later process sees
 * it: this one's own stores are in order then. */
static void in_order(void) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void slots_format(void *memory, size_t size, const struct slots_boot *boot) {
        struct header *header = memory;

        slot_at(memory, size, 0)->serial = 0;
        slot_at(memory, size, 1)->serial = 0;
        in_order();
        memcpy(header->magic, magic, sizeof magic);
        header->version = SLOTS_VERSION;
        header->boot = *boot;
}

static int check_header(const struct header *header, const struct slots_boot *boot) {
        static const struct header empty;

        if (memcmp(header, &empty, sizeof empty) == 0)
                return -ENODATA;
        if (memcmp(header->magic, magic, sizeof magic) != 0)
                return -EBADMSG;
        if (header->version != SLOTS_VERSION)
                return -EPROTONOSUPPORT;
        return memcmp(&header->boot, boot, sizeof *boot) == 0 ? 0 : -ESTALE;
}

static int check_slot(const struct slot *slot, size_t size) {
        if (slot->serial == 0)
                return 0;
        if (slot->size > slot_size(size) - sizeof *slot)
                return -EBADMSG;
        return checksum(slot->serial, (struct slice){slot->text, slot->size}) == slot->checksum
                       ? 0
                       : -EBADMSG;
}

/* The one with the text; NULL: none has. */
static struct slot *current(const void *memory, size_t size) {
        struct slot *a = slot_at(memory, size, 0), *b = slot_at(memory, size, 1);

        if (a->serial == 0 && b->serial == 0)
                return NULL;
        return a->serial > b->serial ? a : b;
}

int slots_read(const void *memory, size_t size, const struct slots_boot *boot,
               struct slice *ret_text) {
        const struct slot *slot;
        int r = check_header(memory, boot);

        if (r < 0)
                return r;
        /* Both: a text that is damaged may be newer than the one that is whole. */
        for (unsigned i = 0; i < 2; i++)
                if (check_slot(slot_at(memory, size, i), size) < 0)
                        return -EBADMSG;
        slot = current(memory, size);
        if (!slot)
                return -ENODATA;
        *ret_text = (struct slice){slot->text, slot->size};
        return 0;
}

void slots_write(void *memory, size_t size, struct slice text) {
        struct slot *old = current(memory, size), *first = slot_at(memory, size, 0);
        struct slot *next = old == first ? slot_at(memory, size, 1) : first;
        uint64_t serial = old ? old->serial + 1 : 1;

        assert(text.size <= slot_size(size) - sizeof *next);
        next->size = text.size;
        next->checksum = checksum(serial, text);
        if (text.size > 0)
                memcpy(next->text, text.data, text.size);
        in_order();
        next->serial = serial;
        in_order();
        if (!old)
                return;
        old->serial = 0;
        in_order();
        explicit_bzero(old->text, old->size);
}
