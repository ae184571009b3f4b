/* SPDX-License-Identifier: MIT */
/* notify - what the service manager is told: assignments, a line each (sd_notify(3)).
 *
 * Both return 0, also where there is no $NOTIFY_SOCKET, or -errno: -EAGAIN: it does not listen. */
#pragma once

/* Without waiting. */
int notify(const char *text);
/* With a copy of FD. As that is told once, it may wait for a second. */
int notify_with_fd(const char *text, int fd);
