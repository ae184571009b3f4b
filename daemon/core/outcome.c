/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/outcome.h"

#define CUT "..."

static bool is_space(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Behind the first byte of a UTF-8 character. */
static bool is_continuation(char c) {
        return ((unsigned char)c & 0xc0) == 0x80;
}

static char harmless(char c) {
        if (is_space(c))
                return ' ';
        if (c == '"')
                return '\'';
        if (c == '\\')
                return '/';
        return c > ' ' && c < 0x7f ? c : '?';
}

void outcome_text(char *ret_text, size_t size, struct slice text) {
        size_t n = 0;

        assert(size > sizeof CUT);
        for (size_t i = 0; i < text.size; i++) {
                if (is_continuation(text.data[i]))
                        continue;
                if (is_space(text.data[i]) && (n == 0 || ret_text[n - 1] == ' '))
                        continue;
                if (n == size - 1) {
                        memcpy(ret_text + n - strlen(CUT), CUT, strlen(CUT));
                        break;
                }
                ret_text[n++] = harmless(text.data[i]);
        }
        if (n > 0 && ret_text[n - 1] == ' ')
                n--;
        ret_text[n] = 0;
}

void outcome_explain(struct outcome *outcome, const char *format, ...) {
        char text[4 * sizeof outcome->message];
        va_list arguments;

        va_start(arguments, format);
        if (vsnprintf(text, sizeof text, format, arguments) < 0)
                text[0] = 0;
        va_end(arguments);
        outcome_text(outcome->message, sizeof outcome->message, slice_of(text));
}
