/* SPDX-License-Identifier: MIT */
/* view - bearerd's file of epochs (wire/epoch), as a worker has it mapped.
 *
 * Of one thread, which may have several copies of tokens that go by it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/epoch.h"

struct view {
        struct epoch_page *page; /* read-only */
        unsigned users;
};

/* PATH is what bearerd has said. -EBADMSG: it is no such file; or another -errno. One user. */
int view_open(const char *path, struct view **ret_view);
struct view *view_ref(struct view *view);
struct view *view_unref(struct view *view);

/* Whether what was given with EPOCH is still good. */
static inline bool view_shows(const struct view *view, uint32_t slot, uint64_t epoch) {
        return atomic_load_explicit(&view->page->slots[slot], memory_order_acquire) == epoch;
}
