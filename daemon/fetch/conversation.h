/* SPDX-License-Identifier: MIT */
/* conversation - what is said with bearerd over one socket: a token's name in, one line out. */
#pragma once

#include "core/outcome.h"
#include "wire/fetchline.h"

/* Waits for the request and its newline. 0; -ETIMEDOUT: not there within
 * TIMEOUT (ns); -ENOTCONN: the peer hung up; -EBADMSG: something else came; -errno. */
int conversation_hear(int fd, uint64_t timeout, struct fetchline_request *ret_request);

/* Sends OUTCOME as one line. 0; -EPIPE: nobody is there any more; -errno. */
int conversation_answer(int fd, const struct outcome *outcome);

/* Sends LINE, and empties it. As above; what LINE's own error is. */
int conversation_send(int fd, struct buffer *line);
