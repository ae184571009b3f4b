/* SPDX-License-Identifier: MIT */
/* streams - who follows a token on a connection: from a request for events to what is sent on it.
 */
#pragma once

#include "core/broker.h"
#include "io/server.h"
#include "trail.h"
#include "wire/api.h"

/* CONNECTION asks for the events that API says. As of struct server_owner: their beginning, or why
 * not. */
const struct buffer *streams_ask(struct broker *broker, struct trail *trail,
                                 struct connection *connection, const struct api_request *api,
                                 struct buffer *out, uint64_t now);

/* Tells a follower what EFFECT, EFFECT_NEWS, has for it. */
void streams_tell(struct server *server, const struct effect *effect, uint64_t now);

/* As of struct server_owner. */
void streams_taken(struct broker *broker, const struct connection *connection, uint64_t now);
void streams_left(struct broker *broker, struct connection *connection);
