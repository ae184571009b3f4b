/* SPDX-License-Identifier: MIT */
/* harden - what a process that holds secrets does to itself first of all. */
#pragma once

/* No core dump, no ptrace by others of the same user, umask 077. 0, or -errno. */
int harden_process(void);
