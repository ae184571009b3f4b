/* SPDX-License-Identifier: MIT */
#include "core/name.h"

static bool is_letter_or_digit(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool token_name_is_valid(struct slice name) {
        if (name.size == 0 || name.size > TOKEN_NAME_MAX || !is_letter_or_digit(name.data[0]))
                return false;
        for (size_t i = 1; i < name.size; i++)
                if (!is_letter_or_digit(name.data[i]) && name.data[i] != '_' && name.data[i] != '-')
                        return false;
        return true;
}
