/* SPDX-License-Identifier: MIT */
#include "core/unit.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

static bool is_name_character(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != 0 && strchr(":-_.\\@", c));
}

/* Takes the type off the end: those of the types that have processes. */
static bool take_type(struct slice *name) {
        static const struct slice types[] = {
                SLICE_INIT(".mount"),  SLICE_INIT(".scope"), SLICE_INIT(".service"),
                SLICE_INIT(".socket"), SLICE_INIT(".swap"),
        };

        for (size_t i = 0; i < ELEMENTS(types); i++) {
                size_t size = types[i].size;

                if (name->size < size ||
                    memcmp(name->data + name->size - size, types[i].data, size) != 0)
                        continue;
                name->size -= size;
                return true;
        }
        return false;
}

/* PREFIX or PREFIX@INSTANCE; an instance may have an @ as well. */
static bool is_stem(struct slice stem) {
        const char *at = stem.size > 0 ? memchr(stem.data, '@', stem.size) : NULL;

        return stem.size > 0 && (!at || (at > stem.data && at < stem.data + stem.size - 1));
}

bool unit_name_is_valid(struct slice name) {
        for (size_t i = 0; i < name.size; i++)
                if (!is_name_character(name.data[i]))
                        return false;
        return name.size <= UNIT_NAME_MAX && take_type(&name) && is_stem(name);
}

bool unit_pattern_is_valid(struct slice pattern) {
        bool has_open_type = false; /* a `*` behind the last dot */

        for (size_t i = 0; i < pattern.size; i++) {
                char c = pattern.data[i];

                if (c != '*' && !is_name_character(c))
                        return false;
                has_open_type = c == '*' || (c != '.' && has_open_type);
        }
        if (pattern.size > UNIT_NAME_MAX || (pattern.size > 0 && pattern.data[0] == '@'))
                return false;
        return has_open_type || (take_type(&pattern) && is_stem(pattern));
}

/* Only the last `*` met is ever gone back to: what an earlier one could take instead, it can take,
 * too. */
bool unit_matches(const char *pattern, const char *name) {
        const char *star = NULL, *taken = NULL;

        while (*name) {
                if (*pattern == '*') {
                        star = pattern++;
                        taken = name;
                } else if (*pattern == *name) {
                        pattern++;
                        name++;
                } else if (star) {
                        pattern = star + 1;
                        name = ++taken;
                } else {
                        return false;
                }
        }
        while (*pattern == '*')
                pattern++;
        return *pattern == 0;
}
