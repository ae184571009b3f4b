/* SPDX-License-Identifier: MIT */
/* peer - who is at the other end of a Unix socket, as the kernel noted it at connect(2). */
#pragma once

#include "core/policy.h"

/* 0, or -errno. The result owns its groups. */
int peer_read(int fd, struct peer *ret_peer);
void peer_deinit(struct peer *peer);
