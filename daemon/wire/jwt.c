/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "wire/json.h"
#include "wire/jwt.h"

void jwt_header(struct buffer *out, const struct jwt *jwt) {
        struct json_writer json = {out};

        json_begin(&json, NULL, '{');
        json_string(&json, "alg", slice_of(jwt->algorithm));
        json_string(&json, "typ", SLICE("JWT"));
        if (jwt->key_id.size > 0)
                json_string(&json, "kid", jwt->key_id);
        json_end(&json, '}');
}

/* RFC 7523 3: the client is both who issues it and who it is about. */
void jwt_claims(struct buffer *out, const struct jwt *jwt) {
        struct json_writer json = {out};
        char id[2 * JWT_ID_SIZE + 1];

        for (size_t i = 0; i < JWT_ID_SIZE; i++)
                snprintf(id + 2 * i, 3, "%02x", jwt->id[i]);
        json_begin(&json, NULL, '{');
        json_string(&json, "iss", jwt->client_id);
        json_string(&json, "sub", jwt->client_id);
        json_string(&json, "aud", jwt->audience);
        json_string(&json, "jti", slice_of(id));
        json_integer(&json, "iat", jwt->issued);
        json_integer(&json, "exp", jwt->issued + jwt->lifetime);
        json_end(&json, '}');
}
