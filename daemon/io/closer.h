/* SPDX-License-Identifier: MIT */
/* closer - has another thread close what may take long to be closed.
 *
 * Who passes a descriptor along with bytes (io/rights) decides how long it takes to drop it. A
 * thread that has copies of all descriptors, and ends, is the last one that drops them: for who
 * ends, the kernel lets no socket linger, and where it has to wait all the same, that thread does
 * so alone. */
#pragma once

/* What is open now, and is closed until closer_end(), takes no time. 0, or -errno: it may. Costs
 * 0.1 ms, and as much again for each 10,000 descriptors that are open. For one thread, and not
 * while another one is begun. */
int closer_begin(void);
void closer_end(void);

/* Closes FD so; where that cannot be, it stays open. */
void closer_close(int fd);
