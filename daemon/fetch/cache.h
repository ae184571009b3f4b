/* SPDX-License-Identifier: MIT */
/* cache - a document for each token, in a file of $CACHE_DIRECTORY, with the URL that it is of.
 *
 * Nothing depends on it: what cannot be read is not there, what cannot be written is not kept. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

/* The document of URL, of at most MAX bytes, that is kept for token NAME; it is the caller's. Its
 * age in seconds, INT64_MAX if it was doubted; < 0: there is none. */
int64_t cache_read(const char *name, const char *url, size_t max, struct buffer *ret_document);
/* In place of what is there. */
void cache_write(const char *name, const char *url, struct slice document);
/* It is good for need alone. */
void cache_age(const char *name);
