/* SPDX-License-Identifier: MIT */
/* broker_inside - what broker.c has for the other files of the broker, and for nobody else. */
#pragma once

#include "core/broker.h"

/* What a later life of the broker should know, and when it is due next, may be another now. */
void broker_changed(struct broker *broker);

/* TOKEN has an effect that the caller of the broker is to take. */
void broker_add_effect(struct broker *broker, struct broker_token *token);

/* REQUEST waits no longer: it gets REPLY. */
void broker_add_reply(struct broker *broker, struct request *request, struct reply reply,
                      uint64_t now);

/* Nobody wants to know any more how the attempt for TOKEN ends. */
void broker_abandon(struct broker *broker, struct broker_token *token, uint64_t now);

/* Something has changed for TOKEN: who can be answered now, and who is to be told? */
void broker_review(struct broker *broker, struct broker_token *token, uint64_t now);

/* Starts the attempts that are due, as far as there is room for them. */
void broker_start_due(struct broker *broker, uint64_t now);
