/* SPDX-License-Identifier: MIT */
/* preset - what providers want, as settings: a table, and nothing else that knows a provider. */
#pragma once

#include <stddef.h>

#include "base/slice.h"

/* Those that there are. */
#define PRESET_WORDS                                                                               \
        "athenahealth, athenahealth-preview, auth0, entra, google, keycloak, oauth2, okta or "     \
        "smart-backend"

#define PRESET_SETTINGS_MAX 6
#define PRESET_NEEDS_MAX    2

struct preset {
        const char *provider;
        /* What is set, unless the key is written. */
        struct {
                const char *key, *value;
        } settings[PRESET_SETTINGS_MAX + 1]; /* a NULL ends them */
        /* What must be written, for it is each customer's own; EXAMPLE shows what it looks like. */
        struct {
                const char *key, *example;
        } needs[PRESET_NEEDS_MAX + 1]; /* a NULL ends them */
};

/* NULL: there is none. */
const struct preset *preset_find(struct slice provider);
/* By number, from 0; NULL behind the last. */
const struct preset *preset_at(size_t i);
