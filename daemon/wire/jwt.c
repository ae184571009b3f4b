/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "wire/json.h"
#include "wire/jwt.h"

static void add(struct json_writer *json, const char *name, struct slice value) {
        if (value.size > 0)
                json_string(json, name, value);
}

void jwt_header(struct buffer *out, const struct jwt *jwt) {
        struct json_writer json = {out};

        json_begin(&json, NULL, '{');
        json_string(&json, "alg", slice_of(jwt->algorithm));
        json_string(&json, "typ", SLICE("JWT"));
        add(&json, "kid", jwt->key_id);
        add(&json, "x5t#S256", jwt->thumbprint);
        json_end(&json, '}');
}

void jwt_claims(struct buffer *out, const struct jwt *jwt) {
        struct json_writer json = {out};
        char id[2 * JWT_ID_SIZE + 1];

        for (size_t i = 0; i < JWT_ID_SIZE; i++)
                snprintf(id + 2 * i, 3, "%02x", jwt->id[i]);
        json_begin(&json, NULL, '{');
        json_string(&json, "iss", jwt->issuer);
        add(&json, "sub", jwt->subject);
        json_string(&json, "aud", jwt->audience);
        add(&json, "scope", jwt->scope);
        json_string(&json, "jti", slice_of(id));
        json_integer(&json, "iat", jwt->issued);
        json_integer(&json, "exp", jwt->issued + jwt->lifetime);
        json_end(&json, '}');
}
