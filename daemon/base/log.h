/* SPDX-License-Identifier: MIT */
/* log - what the operator reads. Every message is of a kind, which has its MESSAGE_ID and priority.
 *
 * Goes to the journal with its fields where stderr is the journal's ($JOURNAL_STREAM), and to
 * stderr as one readable line behind a "<PRIORITY>" elsewhere (on a terminal it is a word). While
 * who reads that hangs, messages are lost, and counted: the number of them is behind the next one
 * that is taken.
 * Only io, app and the programs' main files log. Never pass a secret, a token or the body of a
 * message.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"

/* Bytes of all fields together, without the message's text, and of that. */
#define LOG_FIELDS_MAX 2048
#define LOG_TEXT_MAX   1023

/* One message. Fields are journal fields: BEARERD_TOKEN, BEARERD_GENERATION and so on. What does
 * not fit is left out; non-printable bytes become '?'. */
struct log_message {
        int priority;
        size_t used;
        char fields[LOG_FIELDS_MAX + LOG_TEXT_MAX + 128]; /* "NAME=VALUE\n" each */
};

/* Looks at stderr, once, at start. NAME is the program's, for lines on a terminal. */
void log_open(const char *name);

void log_begin(struct log_message *message, enum message_kind kind);
void log_field(struct log_message *message, const char *name, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void log_send(struct log_message *message, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* A message without further fields. */
void log_line(enum message_kind kind, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* WHAT cannot be done because of ERROR, a -errno: "WHAT: why", and ERRNO= as systemd has it. */
void log_errno(enum message_kind kind, int error, const char *what);
