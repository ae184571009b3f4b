/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/datagram.h"
#include "base/log.h"
#include "base/timespan.h"

#define JOURNAL "/run/systemd/journal/socket"

/* How long a message waits where there is no room for it; then it is lost, and for as long as
 * GRUDGE no other one waits. */
#define PATIENCE (100 * NSEC_PER_MSEC)
#define GRUDGE   (10 * NSEC_PER_SEC)

static const struct {
        const char *id;
        int priority;
} kinds[] = {
#define MESSAGE_KIND(name, id, priority) [MESSAGE_##name] = {id, priority},
        MESSAGES(MESSAGE_KIND)
#undef MESSAGE_KIND
};

enum destination { TO_STDERR, TO_TERMINAL, TO_JOURNAL };

/* Set once by log_open(), before there is anything that it could race with. */
static enum destination log_destination = TO_STDERR;
static const char *log_name = "bearerd";
static int log_socket = -1; /* for journald */
static int log_lines = STDERR_FILENO;

static struct {
        uint64_t deaf_until; /* who reads the log did not keep up */
        unsigned n_lost;     /* messages, which were not told yet */
} reader;

/* $JOURNAL_STREAM is "DEVICE:INODE" of the stream that systemd made; a stderr that was redirected
 * since then is another one (systemd.exec(5)). */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat status;

        if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
                return false;
        return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
               status.st_ino == inode;
}

/* journald finds the unit of a message in /proc, where who has ended by then is no more: what is
 * logged last would be missing from journalctl -u. The stream that is our stderr has its unit with
 * it: an empty line there logs nothing, but has journald look up our unit while we are there. Only
 * who ends before journald has read that line can still be missed. */
static void introduce(void) {
        ssize_t r = write(STDERR_FILENO, "\n", 1);

        (void)r; /* without it, messages arrive all the same */
}

/* Anew, so that what waits for no reader is ours alone: the shell has the other one. */
static void open_terminal(void) {
        int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd >= 0)
                log_lines = fd;
}

void log_open(const char *name) {
        log_name = name;
        log_lines = STDERR_FILENO;
        log_destination = stderr_is_journal()     ? TO_JOURNAL
                          : isatty(STDERR_FILENO) ? TO_TERMINAL
                                                  : TO_STDERR;
        if (log_destination == TO_TERMINAL)
                open_terminal();
        if (log_destination != TO_JOURNAL)
                return;
        introduce();
        if (log_socket < 0)
                datagram_open(PATIENCE, &log_socket); /* without one, stderr has the messages */
}

/* What comes from outside makes no line of its own, and moves no terminal's cursor. */
static void make_printable(char *text) {
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        *text = '?';
}

/* Adds one "NAME=VALUE", up to MAX bytes of all; of one that does not fit, what does. */
static void __attribute__((format(printf, 4, 0)))
add_field(struct log_message *message, size_t max, const char *name, const char *format,
          va_list arguments) {
        char *field = message->fields + message->used;
        size_t left = max - message->used, prefix = strlen(name) + 1;
        int length;

        if (message->used > max || prefix + 1 >= left)
                return;
        memcpy(field, name, prefix - 1);
        field[prefix - 1] = '=';
        length = vsnprintf(field + prefix, left - prefix, format, arguments);
        if (length < 0)
                return;
        if ((size_t)length >= left - prefix)
                length = (int)(left - prefix - 1);
        make_printable(field + prefix);
        field[prefix + (size_t)length] = '\n';
        message->used += prefix + (size_t)length + 1;
}

static void __attribute__((format(printf, 3, 4)))
add_own(struct log_message *message, const char *name, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        add_field(message, sizeof message->fields, name, format, arguments);
        va_end(arguments);
}

void log_begin(struct log_message *message, enum message_kind kind) {
        message->priority = kinds[kind].priority;
        message->used = 0;
        add_own(message, "PRIORITY", "%d", message->priority);
        add_own(message, "MESSAGE_ID", "%s", kinds[kind].id);
        add_own(message, "SYSLOG_IDENTIFIER", "%s", log_name);
}

void log_field(struct log_message *message, const char *name, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        add_field(message, LOG_FIELDS_MAX, name, format, arguments);
        va_end(arguments);
}

static const char *priority_word(int priority) {
        return priority <= LOG_ERR ? "error: " : priority == LOG_WARNING ? "warning: " : "";
}

/* -EAGAIN: there is no room: it is a pipe, or a terminal, that nobody reads. */
static int write_line(int priority, const char *text, bool may_wait) {
        struct pollfd room = {.fd = log_lines, .events = POLLOUT};
        int r;

        if (poll(&room, 1, may_wait ? (int)(PATIENCE / NSEC_PER_MSEC) : 0) == 0)
                return -EAGAIN;
        if (log_destination == TO_TERMINAL)
                r = dprintf(log_lines, "%s: %s%s\n", log_name, priority_word(priority), text);
        else
                r = dprintf(log_lines, "<%d>%s: %s\n", priority, log_name, text);
        return r < 0 && errno == EAGAIN ? -EAGAIN : 0; /* nobody can be told of others */
}

/* The text is the last field. False: who reads the log has no room for it. */
static bool put(struct log_message *message, const char *text) {
        uint64_t now = clock_now();
        bool may_wait = now >= reader.deaf_until;
        int r = -ENOTCONN;

        add_own(message, "MESSAGE", "%s", text);
        if (log_destination == TO_JOURNAL)
                r = datagram_send(log_socket, JOURNAL,
                                  (struct slice){message->fields, message->used}, -1,
                                  may_wait ? 0 : MSG_DONTWAIT);
        if (r < 0 && r != -EAGAIN)
                r = write_line(message->priority, text, may_wait);
        if (r == -EAGAIN)
                reader.deaf_until = time_add(now, GRUDGE);
        return r == 0;
}

static void tell_lost(void) {
        struct log_message message;
        char text[128];

        snprintf(text, sizeof text, "%u message(s) before this one are lost: nobody took them",
                 reader.n_lost);
        log_begin(&message, MESSAGE_LOST);
        if (put(&message, text))
                reader.n_lost = 0;
}

static void __attribute__((format(printf, 2, 0)))
vsend(struct log_message *message, const char *format, va_list arguments) {
        char text[LOG_TEXT_MAX + 1];

        if (vsnprintf(text, sizeof text, format, arguments) < 0)
                return;
        make_printable(text);
        if (!put(message, text))
                reader.n_lost++;
        else if (reader.n_lost > 0)
                tell_lost();
}

void log_send(struct log_message *message, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        vsend(message, format, arguments);
        va_end(arguments);
}

void log_errno(enum message_kind kind, int error, const char *what) {
        struct log_message message;

        log_begin(&message, kind);
        log_field(&message, "ERRNO", "%d", -error);
        log_send(&message, "%s: %s", what, strerror(-error));
}

void log_line(enum message_kind kind, const char *format, ...) {
        struct log_message message;
        va_list arguments;

        log_begin(&message, kind);
        va_start(arguments, format);
        vsend(&message, format, arguments);
        va_end(arguments);
}
