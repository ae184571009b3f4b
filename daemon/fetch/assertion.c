/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/buffer.h"
#include "base/timespan.h"
#include "fetch/assertion.h"
#include "wire/jwt.h"

#define PART_MAX ((size_t)8192) /* of header or claims, as JSON */

static int sign(const struct jwt *jwt, const struct key *key, enum signing_algorithm algorithm,
                struct secret *ret_assertion) {
        struct buffer header = BUFFER_INIT(PART_MAX), claims = BUFFER_INIT(PART_MAX);
        int r;

        jwt_header(&header, jwt);
        jwt_claims(&claims, jwt);
        r = buffer_error(&header) < 0 ? buffer_error(&header) : buffer_error(&claims);
        if (r == 0)
                r = key_sign(key, algorithm, buffer_slice(&header), buffer_slice(&claims),
                             ret_assertion);
        buffer_deinit(&header);
        buffer_deinit(&claims);
        return r == -ENOBUFS ? -E2BIG : r;
}

/* Where nothing is sent, what an issuer would say is not known. */
static struct slice audience_of(const struct config_token *token) {
        const char *audience = token->assertion_audience;

        if (!*audience || strcmp(audience, "token_url") == 0)
                audience = token->token_url;
        if (!*audience || strcmp(audience, "issuer") == 0)
                audience = token->issuer;
        return slice_of(audience);
}

int assertion_make(const struct config_token *token, const struct secret *client_id,
                   const struct key *key, struct slice thumbprint, struct secret *ret_assertion) {
        bool is_grant = token->grant == GRANT_JWT_BEARER;
        const char *id = token->key_id;
        struct jwt jwt = {
                .algorithm = signing_algorithm_words[token->signing_algorithm],
                .key_id = slice_of(*id ? id : key_id(key)),
                .thumbprint = thumbprint,
                .issuer = secret_slice(client_id),
                .subject = is_grant ? slice_of(token->subject) : secret_slice(client_id),
                .scope = is_grant ? slice_of(token->scope) : (struct slice){NULL, 0},
                .audience = audience_of(token),
                .issued = (uint64_t)time(NULL),
                .lifetime = token->assertion_lifetime / NSEC_PER_SEC,
        };

        if (getrandom(jwt.id, sizeof jwt.id, 0) != (ssize_t)sizeof jwt.id)
                return -EAGAIN;
        return sign(&jwt, key, token->signing_algorithm, ret_assertion);
}
