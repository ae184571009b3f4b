/* SPDX-License-Identifier: MIT */
/* broker_readers - who follows tokens of fuzz_broker's broker, what each knows, and what must hold
 * of what it is told. */
#pragma once

#include "broker_books.h"

#define READERS 6

struct reader {
        struct follower follower;
        struct peer peer;
        bool follows;
        bool is_busy;
        bool by_default;
        int slot;
        /* As it was told. */
        uint64_t generation;
        bool has_token;
};

/* READER, of user USER, follows NAME, and says that it knows GENERATION. */
void reader_come(struct reader *reader, const struct books *books, struct broker *broker,
                 const char *name, unsigned user, uint64_t generation, uint64_t now);
void reader_leave(struct reader *reader, struct broker *broker);
void reader_is_ready(struct reader *reader, struct broker *broker, uint64_t now);

/* By EFFECT_NEWS. */
void reader_told(const struct books *books, const struct effect *effect, uint64_t now);

/* Nothing is left to be told. */
void readers_check(const struct reader readers[READERS], const struct books *books,
                   const struct broker *broker, uint64_t now);
