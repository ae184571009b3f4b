/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/b64token.h"

static bool is_token_character(char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               (c != 0 && strchr("-._~+/", c));
}

/* 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
bool is_b64token(struct slice text) {
        size_t n = 0;

        while (n < text.size && is_token_character(text.data[n]))
                n++;
        if (n == 0)
                return false;
        while (n < text.size && text.data[n] == '=')
                n++;
        return n == text.size;
}
