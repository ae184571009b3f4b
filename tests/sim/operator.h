/* SPDX-License-Identifier: MIT */
/* operator - what people and machines do to bearerd: reload, restart, kill, rotate a secret, put
 * the machine to sleep, start many workers at once. */
#pragma once

struct world;

void operator_begin(struct world *world);
/* The next thing is done. */
void operator_go_on(struct world *world);
