/* SPDX-License-Identifier: MIT */
/* ears - hears all that bearerd would say of what the core decides, as its own code says it:
 * answers to workers, the list of tokens, the journal, the status line. Has the wall clock that
 * those tell, which steps back and forth. What is heard stays until the next time. */
#pragma once

#include "base/slice.h"
#include "core/broker.h"

/* By SEED, the wall clock is wrong in another way every ten minutes, or right all the time. */
void ears_begin(uint64_t seed, bool clock_steps);
/* It is NOW. */
void ears_at(uint64_t now);
/* Nanoseconds, by the wall clock. */
uint64_t ears_wall_clock(void);

/* FORMAT is one of enum api_format. */
struct slice ears_reply(const struct reply *reply, const struct epochs *epochs, unsigned format,
                        uint64_t now);
/* An event of TOKEN: NEWS is one of enum news. */
struct slice ears_news(const struct broker_token *token, enum news news, uint64_t now);
struct slice ears_list(const struct broker *broker, const struct peer *peer, uint64_t now);
/* The journal and the status line, when an attempt for TOKEN has ended; or, if HAS_EXPIRED, when it
 * was given up. */
struct slice ears_journal(const struct broker *broker, const struct broker_token *token,
                          bool has_expired, uint64_t now);

/* How many tokens are in what was heard. */
unsigned ears_count_tokens(struct slice heard);
/* The number behind NAME in what was heard; UINT64_MAX: there is none. */
uint64_t ears_number(struct slice heard, const char *name);

/* Gives back what is kept. */
void ears_end(void);
