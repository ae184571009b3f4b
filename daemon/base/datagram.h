/* SPDX-License-Identifier: MIT */
/* datagram - messages to a Unix socket that another process reads, and may not read for long.
 *
 * For systemd and journald, as sd_notify(3) and https://systemd.io/JOURNAL_NATIVE_PROTOCOL say;
 * both protocols are stable, and made to be spoken without libsystemd. Its own functions wait for
 * as long as it takes: while PID 1 or journald hang, bearerd would, too, and all workers with it.
 */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/* A socket to send from, by which a message waits for PATIENCE ns at most until there is room for
 * it. Returns 0, or -errno. */
int datagram_open(uint64_t patience, int *ret_fd);

/* Sends MESSAGE to PATH ("@...": an abstract name, unix(7)), and a copy of the descriptor PASSED,
 * if that is not -1. FLAGS are 0 or MSG_DONTWAIT. Returns 0, or -errno: -EAGAIN: there was no room.
 */
int datagram_send(int fd, const char *path, struct slice message, int passed, int flags);
