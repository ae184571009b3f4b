/* SPDX-License-Identifier: MIT */
/* The address of who asks for a credential, any bytes. Beyond not crashing: what is read of it is
 * all that is in it, and names of a unit and of a file. */
#include <errno.h>

#include "base/buffer.h"
#include "core/unit.h"
#include "fuzz.h"
#include "wire/credential.h"
#include "wire/value.h"

static void check_whole(struct slice address, const struct credential_address *read) {
        struct buffer again = BUFFER_INIT(2 * CREDENTIAL_ADDRESS_MAX);
        const char *slash = memchr(address.data, '/', address.size);

        HOLDS(slash, "there are parts");
        buffer_append(&again, address.data, (size_t)(slash - address.data));
        buffer_printf(&again, "/unit/%s/%s", read->unit, read->id);
        HOLDS(is_same(buffer_slice(&again), address), "nothing is left out, nothing is added");
        buffer_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice address = input_of(data, size);
        struct credential_address read, before;
        int r;

        memset(&read, 0x5a, sizeof read);
        before = read;
        r = credential_address_parse(address, &read);
        HOLDS(r == 0 || r == -EINVAL, "it is an address, or it is not");
        if (r < 0) {
                HOLDS(!memcmp(&read, &before, sizeof read), "results are written on success only");
                return 0;
        }
        HOLDS(size <= CREDENTIAL_ADDRESS_MAX && data[0] == 0, "an address is an abstract one");
        HOLDS(unit_name_is_valid(slice_of(read.unit)), "who asks is a unit");
        HOLDS(value_is_credential_name(slice_of(read.id)) && !strchr(read.id, '/') &&
                      strcmp(read.id, "..") != 0,
              "what it asks for is a credential");
        check_whole(address, &read);
        return 0;
}
