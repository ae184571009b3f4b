/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/log.h"
#include "ears.h"
#include "io/journal.h"
#include "io/loop.h"
#include "issuer.h"

/* ---- the wall clock, of daemon/answer.c and io/journal.c ---- */

static struct {
        uint64_t seed;
        bool steps;
        uint64_t now;
} wall;

void ears_begin(uint64_t seed, bool clock_steps) {
        wall.seed = seed;
        wall.steps = clock_steps;
}

void ears_at(uint64_t now) {
        wall.now = now;
}

/* By the time alone, so that its steps are no events. */
uint64_t ears_wall_clock(void) {
        struct random random = {wall.seed ^ wall.now / (10 * NSEC_PER_MIN)};
        uint64_t unix_time = UINT64_C(1790000000) * NSEC_PER_SEC + wall.now;

        if (!wall.steps || random_one_in(&random, 2))
                return unix_time;
        if (random_one_in(&random, 2))
                return unix_time + random_span(&random, 1000000000) * NSEC_PER_SEC;
        return unix_time - random_span(&random, 1000000000) * NSEC_PER_SEC;
}

uint64_t clock_unix(void) {
        return ears_wall_clock();
}

/* ---- the journal, in the place of base/log ---- */

static char journal[16384];
static size_t journal_size;

static void __attribute__((format(printf, 1, 0))) hear(const char *format, va_list arguments) {
        size_t room = sizeof journal - journal_size;
        int size = vsnprintf(journal + journal_size, room, format, arguments);

        if (size < 0 || (size_t)size >= room)
                abort();
        journal_size += (size_t)size;
}

void log_begin(struct log_message *message, enum message_kind kind) {
}

void log_field(struct log_message *message, const char *name, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        hear(format, arguments);
        va_end(arguments);
}

void log_send(struct log_message *message, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        hear(format, arguments);
        va_end(arguments);
}

void log_line(enum message_kind kind, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        hear(format, arguments);
        va_end(arguments);
}

struct slice ears_journal(const struct broker *broker, const struct broker_token *token,
                          bool has_expired, uint64_t now) {
        journal_size = 0;
        if (has_expired)
                journal_expired(broker, token, now);
        else
                journal_ended(broker, token, now);
        journal_status(broker, now, journal + journal_size, sizeof journal - journal_size);
        return slice_of(journal);
}

/* ---- answers ---- */

static struct buffer answer = BUFFER_INIT(65536);

static struct slice answered(void) {
        if (buffer_error(&answer) < 0)
                abort();
        buffer_append_char(&answer, 0); /* for ears_number() */
        return buffer_slice(&answer);
}

struct slice ears_reply(const struct reply *reply, const struct epochs *epochs, unsigned format,
                        uint64_t now) {
        const struct answer_epochs published = {"/epoch", epochs};
        const struct buffer *given;

        buffer_clear(&answer);
        given = answer_reply(&answer, reply, &published, (enum api_format)format, HTTP1_KEPT, now);
        if (given != &answer && buffer_error(given) == 0)
                buffer_append_slice(&answer, buffer_slice(given));
        else if (given != &answer)
                abort();
        return answered();
}

struct slice ears_news(const struct broker_token *token, enum news news, uint64_t now) {
        buffer_clear(&answer);
        answer_news(&answer, token, news, now);
        return answered();
}

struct slice ears_list(const struct broker *broker, const struct peer *peer, uint64_t now) {
        buffer_clear(&answer);
        answer_tokens(&answer, broker, peer, HTTP1_KEPT, now);
        return answered();
}

void ears_end(void) {
        buffer_deinit(&answer);
}

/* ---- what is in it ---- */

unsigned ears_count_tokens(struct slice heard) {
        static const size_t prefix = sizeof ISSUER_CANARY - 1;
        const char *at = heard.data, *end = heard.data + heard.size;
        unsigned n = 0;

        while ((at = memmem(at, (size_t)(end - at), ISSUER_CANARY, prefix))) {
                at += prefix;
                n++;
        }
        return n;
}

uint64_t ears_number(struct slice heard, const char *name) {
        const char *at = memmem(heard.data, heard.size, name, strlen(name));

        return at ? strtoull(at + strlen(name), NULL, 10) : UINT64_MAX;
}
