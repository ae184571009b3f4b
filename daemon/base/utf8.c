/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

/* RFC 3629 4. */
size_t utf8_size(const char *text, size_t left) {
        const unsigned char *at = (const unsigned char *)text;
        unsigned char low = 0x80, high = 0xbf;
        size_t size = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

        if (at[0] < 0x80)
                return 1;
        if (at[0] < 0xc2 || at[0] > 0xf4 || size > left)
                return 0;
        if (at[0] == 0xe0)
                low = 0xa0; /* below: overlong */
        else if (at[0] == 0xed)
                high = 0x9f; /* above: surrogates */
        else if (at[0] == 0xf0)
                low = 0x90; /* below: overlong */
        else if (at[0] == 0xf4)
                high = 0x8f; /* above: past U+10FFFF */
        if (at[1] < low || at[1] > high)
                return 0;
        for (size_t i = 2; i < size; i++)
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
        return size;
}
