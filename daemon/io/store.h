/* SPDX-License-Identifier: MIT */
/* store - memory that systemd keeps while bearerd is away: a sealed memfd in the file descriptor
 * store of the service (FDSTORE=1 in sd_notify(3)). Nothing of it is ever in a file.
 *
 * Owns the mapping. It is as large as all that could ever be written; what is not written takes no
 * memory. Without a service manager there is nothing, and nothing is kept. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "wire/slots.h"

/* FDNAME=, by which it comes back. */
#define STORE_NAME "store"

/* A zeroed one keeps nothing. */
struct store {
        void *memory;
        struct slots_boot boot;
};

/* FD, which is consumed, is what systemd has kept; < 0: nothing. If there is none, or it is not as
 * we make them, which *ret_refused says, a new one takes its place. 0, or -errno: nothing will be
 * kept, and what was is forgotten. */
int store_open(struct store *store, int fd, bool *ret_refused);
void store_close(struct store *store);

/* What was written last, good until the next store_write(). 0; -ENODATA: nothing was; else why it
 * is of no use, as slots_read() says. */
int store_read(const struct store *store, struct slice *ret_text);

/* TEXT, of at most STORE_TEXT_MAX bytes, is what will be read. */
void store_write(struct store *store, struct slice text);
/* Nothing will be read. */
void store_clear(struct store *store);
