/* SPDX-License-Identifier: MIT */
/* terminal - the terminal at stdout: what it can do, and a screen of its own for as long as it is
 * wanted. ANSI's control sequences alone, which all terminals that are not dumb know. */
#pragma once

#include <stdbool.h>
#include <termios.h>

#include "base/buffer.h"

struct terminal {
        bool has_keys;         /* stdin is a terminal, too: */
        struct termios before; /* how it was */
};

/* It is one, not dumb, and not smaller than that. */
bool terminal_is_fit(unsigned columns_min, unsigned lines_min);
/* By the locale. */
bool terminal_has_utf8(void);
/* 80 and 24, where it does not say. */
void terminal_size(unsigned *ret_columns, unsigned *ret_lines);

/* Another screen, without cursor; keys are not shown, and come at once. 0; -errno. */
int terminal_enter(struct terminal *terminal);
/* All as it was. */
void terminal_leave(const struct terminal *terminal);
/* Writes OUT, all the lines of the screen, from its top left. 0; -errno. */
int terminal_show(const struct buffer *out);
