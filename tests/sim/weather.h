/* SPDX-License-Identifier: MIT */
/* weather - what the endpoints are like, for a while each. */
#pragma once

struct world;
struct broker_token;

void weather_begin(struct world *world);
/* It changes, by chance; or, where nothing goes wrong, for good. */
void weather_change(struct world *world);
/* A fetch for TOKEN begins: a calm year has an outage now and then, that begins with a renewal. */
void weather_at_fetch(struct world *world, const struct broker_token *token);
/* From now on all endpoints are well. */
void weather_clear_up(struct world *world);
