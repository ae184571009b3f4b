/* SPDX-License-Identifier: MIT */
/* log - what the operator reads.
 *
 * Goes to the journal with its fields where stderr is the journal's ($JOURNAL_STREAM), and to
 * stderr as one readable line behind a "<PRIORITY>" elsewhere (on a terminal it is a word). Only
 * io, app and the programs' main files log. Never pass a secret, a token or the body of a message. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <syslog.h>

#define LOG_FIELDS_MAX 16

/* One message. Fields are journal fields: BEARERD_TOKEN, BEARERD_GENERATION and so on. What does
 * not fit is left out; non-printable bytes become '?'. */
struct log_message {
        int priority;
        struct iovec fields[LOG_FIELDS_MAX + 2];
        int n_fields;
        char storage[2048];
        size_t used;
};

/* Looks at stderr, once, at start. NAME is the program's, for lines on a terminal. */
void log_open(const char *name);

/* ID: a MESSAGE_ID (32 hex digits), or NULL. */
void log_begin(struct log_message *message, int priority, const char *id);
void log_field(struct log_message *message, const char *name, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void log_send(struct log_message *message, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* A message without fields or id. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
