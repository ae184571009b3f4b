/* SPDX-License-Identifier: MIT */
/* ini - the lines of a configuration file: sections and settings, strictly.
 *
 *         # a comment has a line of its own, and begins with "#" or ";"
 *         [word]
 *         [word name]
 *         key = value
 *
 * Whatever else a line may be is a mistake: indented, without a value, in quotes, a comment behind
 * a value, too long, not UTF-8, with a control character in it. Owns nothing; its slices point into
 * the text. What words, names and keys there are, and how often, is the caller's to judge. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define INI_LINE_MAX 4096 /* bytes, without the newline */

struct ini {
        struct slice rest;
        unsigned line;
};

#define INI_INIT(text) ((struct ini){.rest = (text)})

enum ini_kind { INI_SECTION, INI_SETTING };

struct ini_line {
        unsigned number; /* from 1 */
        enum ini_kind kind;
        const char *mistake; /* NULL; or, static, what is wrong: then there is nothing below */
        struct slice word;   /* INI_SECTION */
        struct slice name;   /* INI_SECTION; empty if there is none */
        struct slice key;    /* INI_SETTING */
        struct slice value;  /* INI_SETTING; never empty, no white space around it */
};

/* Goes to the next line that says something. A mistake in brackets is an INI_SECTION: what follows
 * does not belong to the section before. False: the text is over. */
bool ini_next(struct ini *ini, struct ini_line *ret_line);
