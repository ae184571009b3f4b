/* SPDX-License-Identifier: MIT */
/* config_keys - which sections and keys there are, what their values may be, and which field of a
 * struct config or struct config_token each is for. A new key is one line in a table here.
 *
 * Knows nothing of files and messages: wire/config reads with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "wire/config.h"

/* The most keys that a section has. */
#define CONFIG_KEYS_MAX 64

struct config_kind;

struct config_key {
        const char *name;
        size_t field; /* its offset */
        const struct config_kind *kind;
        bool (*is_valid)(struct slice value); /* of texts */
        const char *from, *to;                /* of times and numbers, as one would write them */
        const char *const *words;             /* of an enum, by its values; a NULL ends them */
        const char *expects;                  /* "NAME must be ..." */
        bool is_required;
};

struct config_section {
        const char *word;
        bool is_named;
        const struct config_key *keys;
        size_t n_keys;
};

extern const struct config_section config_section_broker; /* fields of a struct config */
extern const struct config_section config_section_token;  /* fields of a struct config_token */

/* NULL: there is none. */
const struct config_key *config_key_find(const struct config_section *section, struct slice name);
/* The key that NAME, which is none, is at most two edits away from, or NULL. */
const struct config_key *config_key_nearest(const struct config_section *section,
                                            struct slice name);

/* Puts VALUE into the field of KEY in TARGET. 0; -ENOMEM; any other -errno: VALUE is not what KEY
 * expects, and the field is as before. */
int config_key_read(const struct config_key *key, struct slice value, void *target);

/* Whether there may be several lines of it, each of which adds to its field. */
bool config_key_is_repeatable(const struct config_key *key);

/* Fields that own something: from zero to empty, 0 or -ENOMEM; and to nothing, from either. */
int config_section_init(const struct config_section *section, void *target);
void config_section_deinit(const struct config_section *section, void *target);
