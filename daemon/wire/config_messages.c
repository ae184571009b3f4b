/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/config.h"

void config_messages_deinit(struct config_messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                free(messages->list[i].text);
        *messages = CONFIG_MESSAGES_INIT;
}

const char *config_messages_first_error(const struct config_messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                if (messages->list[i].is_error)
                        return messages->list[i].text;
        return NULL;
}

/* NULL: out of memory. */
static char *locate(const char *file, unsigned line, const char *what) {
        char *text;
        int r;

        if (!file)
                r = asprintf(&text, "%s", what);
        else if (line == 0)
                r = asprintf(&text, "%s: %s", file, what);
        else
                r = asprintf(&text, "%s:%u: %s", file, line, what);
        return r < 0 ? NULL : text;
}

/* Lines count from 1, so that none, 0, becomes the last. */
static unsigned order(const struct config_message *message) {
        return message->line - 1;
}

static void insert(struct config_messages *messages, struct config_message message) {
        size_t i = messages->n++;

        for (; i > 0 && order(&messages->list[i - 1]) > order(&message); i--)
                messages->list[i] = messages->list[i - 1];
        messages->list[i] = message;
}

/* All are taken: the last one gives way to a count. */
static int count(struct config_messages *messages, bool is_error, const char *file) {
        struct config_message *last = &messages->list[CONFIG_MESSAGES_MAX - 1];
        size_t n_left_out = messages->n_left_out > 0 ? messages->n_left_out + 1 : 2;
        char what[64], *text;

        snprintf(what, sizeof what, "there are %zu more messages like these", n_left_out);
        text = locate(file, 0, what);
        if (!text)
                return -ENOMEM;
        free(last->text);
        *last = (struct config_message){.is_error = last->is_error || is_error, .text = text};
        messages->n_left_out = n_left_out;
        return 0;
}

static int __attribute__((format(printf, 5, 0)))
add(struct config_messages *messages, bool is_error, const char *file, unsigned line,
    const char *format, va_list arguments) {
        struct config_message message = {.is_error = is_error, .line = line};
        char *what;

        if (messages->n == CONFIG_MESSAGES_MAX)
                return count(messages, is_error, file);
        if (vasprintf(&what, format, arguments) < 0)
                return -ENOMEM;
        message.text = locate(file, line, what);
        free(what);
        if (!message.text)
                return -ENOMEM;
        insert(messages, message);
        return 0;
}

void config_messages_add(struct config_messages *messages, bool is_error, const char *file,
                         unsigned line, const char *format, ...) {
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = add(messages, is_error, file, line, format, arguments);
        va_end(arguments);
        if (r < 0)
                messages->error = r;
        if (is_error)
                messages->n_errors++;
}
