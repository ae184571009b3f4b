/* SPDX-License-Identifier: MIT */
/* credential - the address that systemd binds its end of a connection to when a unit's
 * LoadCredential=ID:SOCKET has it ask us: a NUL (an abstract address, unix(7)), a random number in
 * hex, "/unit/NAME/ID" (systemd.exec(5)). Any bytes may come in. */
#pragma once

#include "base/slice.h"

#define CREDENTIAL_ADDRESS_MAX ((size_t)108) /* unix(7): sun_path */

/* Which unit asks, and for what. */
struct credential_address {
        char unit[CREDENTIAL_ADDRESS_MAX];
        char id[CREDENTIAL_ADDRESS_MAX];
};

/* ADDRESS: of sun_path, as many bytes as getpeername(2) says. 0, or -EINVAL: it is no such
 * address. */
int credential_address_parse(struct slice address, struct credential_address *ret_address);
