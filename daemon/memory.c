/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "io/journal.h"
#include "memory.h"
#include "wire/store.h"

void memory_open(struct memory *memory, int fd) {
        bool refused = false;
        int r = store_open(&memory->store, fd, &refused);

        if (r < 0)
                journal_not_kept(strerror(-r));
        if (refused)
                journal_dropped("it is not of the kind that this version makes");
}

void memory_close(struct memory *memory) {
        store_close(&memory->store);
}

static const char *why_useless(int error) {
        switch (-error) {
        case EPROTONOSUPPORT:
                return "it is of another version";
        case ESTALE:
                return "it is of another boot";
        case ENOMEM:
                return "there is too little memory to read it";
        }
        return "it is damaged";
}

void memory_recall(struct memory *memory, struct broker *broker, uint64_t now) {
        struct slice text;
        int r;

        if (memory->is_recalled)
                return;
        memory->is_recalled = true;
        r = store_read(&memory->store, &text);
        if (r == 0)
                r = store_parse(text, broker, now);
        if (r == 0)
                return;
        if (r != -ENODATA) {
                journal_dropped(why_useless(r));
                broker_deinit(broker);
                broker_init(broker);
        }
        store_clear(&memory->store);
}

/* An old text that stays would bring back old generations: better none. */
void memory_keep(struct memory *memory, struct broker *broker) {
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(STORE_TEXT_MAX);

        if (!broker_take_change(broker) || !memory->store.memory)
                return;
        store_render(&text, broker);
        if (buffer_error(&text) == 0)
                store_write(&memory->store, buffer_slice(&text));
        else
                store_clear(&memory->store);
        if (buffer_error(&text) < 0 && !memory->is_lost)
                journal_not_kept(strerror(-buffer_error(&text)));
        memory->is_lost = buffer_error(&text) < 0;
}
