/* SPDX-License-Identifier: MIT */
/* thread - one that nobody waits for, and that no signal reaches. */
#pragma once

/* RUN(USER), which allocates nothing, in a thread of its own. 0, or -errno. */
int thread_start(void *(*run)(void *user), void *user);
