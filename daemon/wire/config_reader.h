/* SPDX-License-Identifier: MIT */
/* config_reader - a configuration on its way from text to values: what wire/config reads line by
 * line, and wire/config_checks looks at when a section is over. */
#pragma once

#include <assert.h>
#include <stdbool.h>

#include "base/slice.h"
#include "wire/config.h"
#include "wire/config_keys.h"

/* What is known of one key of the section at hand. */
struct config_entry {
        bool is_set;
        bool is_wrong;
        unsigned line;
        struct slice value;
};

struct config_reader {
        struct config *config;
        struct config_messages *messages;
        const char *file;
        bool is_environment;   /* rather than a file */
        unsigned broker_line;  /* 0: not met yet */
        unsigned default_line; /* 0: not met yet */
        bool has_lost_section; /* one that nothing can be said about */

        const struct config_section *section; /* NULL: none, or a lost one */
        void *target;
        struct config_entry entries[CONFIG_KEYS_MAX];
};

#define config_mistake(reader, line, ...)                                                          \
        config_messages_add((reader)->messages, true, (reader)->file, line, __VA_ARGS__)

static inline struct config_entry *config_entry_of(struct config_reader *reader,
                                                   const struct config_key *key) {
        assert(reader->section && key);
        return &reader->entries[key - reader->section->keys];
}

static inline struct config_entry *config_entry_named(struct config_reader *reader,
                                                      const char *name) {
        return config_entry_of(reader, config_key_find(reader->section, slice_of(name)));
}

/* What KEY is called where it comes from. */
const char *config_reader_shown(const struct config_reader *reader, const struct config_key *key);
/* Reads a setting, and says what is wrong with it. LINE 0: of none. */
void config_reader_set(struct config_reader *reader, const struct config_key *key,
                       struct slice value, unsigned line);

/* The token that was read is complete: what its provider sets comes in, and what its settings are
 * together is looked at. */
void config_check_token(struct config_reader *reader);
