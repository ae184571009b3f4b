/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>

#include "base/decimal.h"

int decimal_parse(struct slice text, uint64_t max, uint64_t *ret_value) {
        uint64_t value = 0;
        bool over = false;

        if (text.size == 0)
                return -EINVAL;
        for (size_t i = 0; i < text.size; i++) {
                unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';

                if (digit > 9)
                        return -EINVAL;
                if (digit > max || value > (max - digit) / 10)
                        over = true;
                else
                        value = value * 10 + digit;
        }
        if (over)
                return -ERANGE;
        *ret_value = value;
        return 0;
}

void decimal_render(struct buffer *out, uint64_t value) {
        char digits[20];
        size_t first = sizeof digits;

        do {
                digits[--first] = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0);
        buffer_append(out, digits + first, sizeof digits - first);
}
