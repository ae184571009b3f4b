/* SPDX-License-Identifier: MIT */
/* unit - what a systemd unit that has processes is called (systemd.unit(5)), and patterns of such
 * names: `*` stands for any characters, also for none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define UNIT_NAME_MAX ((size_t)255) /* bytes, of names and patterns */

/* Of templates, an instance alone is one: they have no processes themselves. */
bool unit_name_is_valid(struct slice name);
/* A name, or what could match one. */
bool unit_pattern_is_valid(struct slice pattern);

/* In at most strlen(PATTERN) times strlen(NAME) steps. */
bool unit_matches(const char *pattern, const char *name);
