/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "core/unit.h"
#include "wire/credential.h"
#include "wire/value.h"

_Static_assert(CREDENTIAL_ADDRESS_MAX == sizeof((struct sockaddr_un){0}.sun_path), "unix(7)");

/* 64 random bits, printed without leading zeros. */
#define NUMBER_MAX 16u

static bool is_number(struct slice text) {
        for (size_t i = 0; i < text.size; i++)
                if (text.data[i] == 0 || !strchr("0123456789abcdef", text.data[i]))
                        return false;
        return text.size > 0 && text.size <= NUMBER_MAX;
}

static void copy(struct slice text, char *ret_copy) {
        *(char *)mempcpy(ret_copy, text.data, text.size) = 0;
}

/* Each part is shorter than the address, so that it has room with its NUL. */
int credential_address_parse(struct slice address, struct credential_address *ret_address) {
        struct slice rest = address, nothing, number, word, unit;

        if (address.size > CREDENTIAL_ADDRESS_MAX || !slice_cut(&rest, 0, &nothing) ||
            nothing.size > 0)
                return -EINVAL;
        if (!slice_cut(&rest, '/', &number) || !is_number(number) ||
            !slice_cut(&rest, '/', &word) || !slice_is(word, "unit"))
                return -EINVAL;
        if (!slice_cut(&rest, '/', &unit) || !unit_name_is_valid(unit) ||
            !value_is_credential_name(rest))
                return -EINVAL;
        copy(unit, ret_address->unit);
        copy(rest, ret_address->id);
        return 0;
}
