/* SPDX-License-Identifier: MIT */
/* harden - what a process that holds secrets does to itself first of all. */
#pragma once

/* No core dump, no ptrace by others of the same user, umask 077, no privileges by an exec, and
 * descriptors 0 to 2 open, so that nothing else becomes one of them. 0, or -errno. */
int harden_process(void);
