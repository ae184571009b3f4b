/* SPDX-License-Identifier: MIT */
/* options - bearerd's command line. Borrows argv. */
#pragma once

#include <stdbool.h>

struct options {
        const char *config;  /* NULL: the installed file, or else the environment */
        const char *socket;  /* NULL: as configured */
        const char *control; /* NULL: none, but for the one that systemd passes */
        const char *epoch;   /* NULL: not published */
        const char *fetch;   /* program, or "unix:" and a path */
        bool check_config;
};

/* 0: go on; > 0: all is said (--help, --version); -EINVAL: said what is wrong, on stderr. */
int options_parse(int argc, char **argv, struct options *ret_options);
