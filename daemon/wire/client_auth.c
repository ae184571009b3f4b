/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <string.h>

#include "wire/client_auth.h"

#define ELEMENTS(array) (sizeof(array) / sizeof *(array))

/* clang-format off */
const char *const client_auth_words[] = {
        [CLIENT_AUTH_BASIC]           = "basic",
        [CLIENT_AUTH_POST]            = "post",
        [CLIENT_AUTH_PRIVATE_KEY_JWT] = "private_key_jwt",
        [CLIENT_AUTH_TLS]             = "tls_client_auth",
        [CLIENT_AUTH_SELF_SIGNED_TLS] = "self_signed_tls_client_auth",
        [CLIENT_AUTH_NONE]            = "none",
        NULL,
};

const char *const grant_type_words[] = {
        [GRANT_CLIENT_CREDENTIALS] = "client_credentials",
        [GRANT_JWT_BEARER]         = "jwt_bearer",
        NULL,
};

const char *const signing_algorithm_words[] = {
        [SIGNING_RS256] = "RS256",
        [SIGNING_RS384] = "RS384",
        [SIGNING_PS256] = "PS256",
        [SIGNING_ES256] = "ES256",
        [SIGNING_ES384] = "ES384",
        NULL,
};

bool signing_algorithm_find(const char *word, enum signing_algorithm *ret_algorithm) {
        for (unsigned i = 0; signing_algorithm_words[i]; i++) {
                if (strcmp(signing_algorithm_words[i], word) != 0)
                        continue;
                *ret_algorithm = i;
                return true;
        }
        return false;
}

#define BASIC  (1U << CLIENT_AUTH_BASIC)
#define SECRET (BASIC | 1U << CLIENT_AUTH_POST)
#define TLS    (1U << CLIENT_AUTH_TLS | 1U << CLIENT_AUTH_SELF_SIGNED_TLS)
#define BEARER (1U << (CLIENT_AUTH_NONE + 1)) /* no way to authenticate, but what is asked with */
#define CLIENT (1U << CLIENT_AUTH_PRIVATE_KEY_JWT)
#define JWT    (CLIENT | BEARER)

/* The settings that some ways take and others do not. */
static const struct rule {
        const char *key;
        unsigned takes, needs;
} rules[] = {
        {"client_secret",          SECRET,       SECRET},
        {"basic_encoding",         BASIC,        0},
        {"private_key",            JWT | TLS,    JWT | TLS},
        {"private_key_passphrase", JWT | TLS,    0},
        {"client_certificate",     CLIENT | TLS, TLS},
        {"signing_algorithm",      JWT,          JWT},
        {"key_id",                 JWT,          0},
        {"assertion_audience",     JWT,          0},
        {"assertion_lifetime",     JWT,          0},
        {"assertion_client_id",    CLIENT,       0},
        {"subject",                BEARER,       0},
};
/* clang-format on */

static unsigned way_of(enum client_auth auth, enum grant_type grant) {
        return grant == GRANT_JWT_BEARER ? BEARER : 1U << auth;
}

static const struct rule *rule_find(const char *key) {
        for (size_t i = 0; i < ELEMENTS(rules); i++)
                if (strcmp(rules[i].key, key) == 0)
                        return &rules[i];
        return NULL;
}

bool client_auth_takes(enum client_auth auth, enum grant_type grant, const char *key) {
        const struct rule *rule = rule_find(key);

        return !rule || (rule->takes & way_of(auth, grant)) != 0;
}

bool client_auth_needs(enum client_auth auth, enum grant_type grant, const char *key) {
        const struct rule *rule = rule_find(key);

        return rule && (rule->needs & way_of(auth, grant)) != 0;
}
