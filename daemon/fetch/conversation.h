/* SPDX-License-Identifier: MIT */
/* conversation - what is said with bearerd over one socket: a token's name in, one line out. */
#pragma once

#include "core/name.h"
#include "core/outcome.h"

/* Waits for the name and its newline. 0; -ETIMEDOUT: not there within
 * TIMEOUT (ns); -ENOTCONN: the peer hung up; -EBADMSG: something else came; -errno. */
int conversation_hear(int fd, uint64_t timeout, char ret_name[TOKEN_NAME_MAX + 1]);

/* Sends OUTCOME as one line. 0; -EPIPE: nobody is there any more; -errno. */
int conversation_answer(int fd, const struct outcome *outcome);
