/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "wire/form.h"

bool form_next(struct slice *text, struct slice *ret_name, struct slice *ret_value) {
        struct slice pair = {0}, name = {0};

        do {
                if (!slice_cut(text, '&', &pair))
                        return false;
        } while (pair.size == 0);
        slice_cut(&pair, '=', &name);
        *ret_name = name;
        *ret_value = pair;
        return true;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* Into TO, unless that is NULL. The length, or -EBADMSG. */
static ssize_t decode(struct slice text, char *to) {
        size_t length = 0;

        for (size_t i = 0; i < text.size; i++, length++) {
                char c = text.data[i] == '+' ? ' ' : text.data[i];

                if (c == '%') {
                        if (text.size - i < 3 || hex_digit(text.data[i + 1]) < 0 ||
                            hex_digit(text.data[i + 2]) < 0)
                                return -EBADMSG;
                        c = (char)(hex_digit(text.data[i + 1]) << 4 | hex_digit(text.data[i + 2]));
                        i += 2;
                }
                if (to)
                        to[length] = c;
        }
        return (ssize_t)length;
}

ssize_t form_decode(struct slice text, char *ret_text, size_t size) {
        ssize_t length = decode(text, NULL);

        if (length < 0 || !ret_text)
                return length;
        if ((size_t)length > size)
                return -ENOBUFS;
        return decode(text, ret_text);
}

static bool is_plain(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '*' || c == '-' || c == '.' || c == '_';
}

void form_encode(struct buffer *out, struct slice text) {
        for (size_t i = 0; i < text.size; i++) {
                char c = text.data[i];

                if (is_plain(c))
                        buffer_append_char(out, c);
                else if (c == ' ')
                        buffer_append_char(out, '+');
                else
                        buffer_printf(out, "%%%02X", (unsigned char)c);
        }
}
