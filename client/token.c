/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/secret.h"
#include "client/token.h"
#include "core/b64token.h"
#include "core/name.h"
#include "core/outcome.h"
#include "wire/json.h"

/* More references than there can be: while a thread keeps it, the count of the others is never 0.
 */
#define KEPT (INT64_C(1) << 62)

/* Where this is, is a thread. */
static _Thread_local char self __attribute__((tls_model("initial-exec")));

/* Only the keeper itself makes itself one, or no more one: to all others, what they read here is
 * somebody else. */
static bool is_keeper(const struct bearer_token *token) {
        return atomic_load_explicit(&token->keeper, memory_order_relaxed) == &self;
}

static void token_free(struct bearer_token *token) {
        secret_deinit(&token->value);
        free(token);
}

/* Whoever is last must see all that the others did with it before. */
static void add_references(struct bearer_token *token, int64_t n) {
        if (atomic_fetch_add_explicit(&token->references, n, memory_order_acq_rel) + n == 0)
                token_free(token);
}

struct bearer_token *bearer_token_ref(struct bearer_token *token) {
        if (!token)
                return NULL;
        if (is_keeper(token))
                token->lent++;
        else
                atomic_fetch_add_explicit(&token->references, 1, memory_order_relaxed);
        return token;
}

struct bearer_token *bearer_token_unref(struct bearer_token *token) {
        if (!token)
                return NULL;
        if (is_keeper(token))
                token->lent--;
        else
                add_references(token, -1);
        return NULL;
}

void token_keep(struct bearer_token *token) {
        token->lent = 1;
        atomic_store(&token->references, KEPT);
        atomic_store(&token->keeper, &self);
}

void token_let_go(struct bearer_token *token) {
        int64_t lent = token->lent;

        atomic_store(&token->keeper, NULL);
        add_references(token, lent - KEPT);
}

static void cleanup_token(struct bearer_token **token) {
        bearer_token_unref(*token);
}

static bool is_printable(const char *text) {
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        return false;
        return true;
}

static int read_value(const struct json_object *object, struct secret *ret_value) {
        const struct json_member *member = json_find(object, "access_token", JSON_STRING);
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(SECRET_SIZE_MAX + 1);
        ssize_t size;

        if (!member)
                return -EBADMSG;
        if (buffer_reserve(&text, SECRET_SIZE_MAX + 1) < 0)
                return -ENOMEM;
        size = json_string_copy(member, text.data, SECRET_SIZE_MAX + 1);
        if (size < 0)
                return -EBADMSG;
        buffer_added(&text, (size_t)size);
        if (!is_b64token(buffer_slice(&text)))
                return -EBADMSG;
        return secret_set(ret_value, text.data, text.size);
}

/* None is "". */
static int read_text(const struct json_object *object, const char *name, char *ret_text,
                     size_t size) {
        const struct json_member *member = json_find(object, name, JSON_STRING);

        ret_text[0] = 0;
        if (member && json_string_copy(member, ret_text, size) < 0)
                return -EBADMSG;
        return is_printable(ret_text) ? 0 : -EBADMSG;
}

/* RFC 6749 5.1: in any case. */
static bool is_bearer(const struct json_object *object) {
        const struct json_member *type = json_find(object, "token_type", JSON_STRING);

        return type && slice_is_nocase(type->text, "bearer");
}

static int read_members(const struct json_object *object, uint64_t received_at,
                        struct bearer_token *token) {
        uint64_t expires_in;
        int r;

        if (!is_bearer(object))
                return -EBADMSG;
        r = json_find_integer(object, "expires_in", OUTCOME_EXPIRES_IN_MAX, &expires_in);
        if (r == 0)
                r = json_find_integer(object, "expires_at", UINT64_MAX, &token->expires_at);
        if (r == 0)
                r = json_find_integer(object, "generation", UINT64_MAX, &token->generation);
        if (r == 0)
                r = read_text(object, "name", token->name, sizeof token->name);
        if (r == 0)
                r = read_text(object, "scope", token->scope, sizeof token->scope);
        if (r == 0)
                r = read_text(object, "practice_id", token->practice_id, sizeof token->practice_id);
        if (r < 0)
                return r;
        if (token->generation == 0 || !token_name_is_valid(slice_of(token->name)))
                return -EBADMSG;
        token->ends_at = time_add(received_at, expires_in * NSEC_PER_SEC);
        return read_value(object, &token->value);
}

/* What an older bearerd does not say, or what makes no sense, is no offer. */
static void read_offer(const struct json_object *object, struct token_offer *ret_offer) {
        struct token_offer offer = {0};
        uint64_t slot;

        if (json_find_integer(object, "served_for", OUTCOME_EXPIRES_IN_MAX, &offer.served_for) ==
                    0 &&
            json_find_integer(object, "epoch_slot", EPOCH_SLOTS_MAX - 1, &slot) == 0 &&
            read_text(object, "epoch_file", offer.epoch_file, sizeof offer.epoch_file) == 0 &&
            offer.epoch_file[0] == '/' &&
            json_find_integer(object, "epoch", EPOCH_MAX, &offer.epoch) == 0)
                offer.slot = (uint32_t)slot;
        else
                offer.epoch = 0;
        *ret_offer = offer;
}

int token_parse(struct slice body, uint64_t received_at, struct bearer_token **ret_token,
                struct token_offer *ret_offer) {
        _cleanup_(cleanup_token) struct bearer_token *token = NULL;
        struct json_object object;
        int r;

        if (json_parse(body, &object) < 0)
                return -EBADMSG;
        token = calloc(1, sizeof *token);
        if (!token)
                return -ENOMEM;
        atomic_init(&token->references, 1);
        r = read_members(&object, received_at, token);
        if (r < 0)
                return r;
        read_offer(&object, ret_offer);
        *ret_token = token;
        token = NULL; /* consumed */
        return 0;
}

const char *bearer_token_value(const struct bearer_token *token) {
        return token->value.data;
}

size_t bearer_token_length(const struct bearer_token *token) {
        return token->value.size;
}

const char *bearer_token_name(const struct bearer_token *token) {
        return token->name;
}

uint64_t bearer_token_generation(const struct bearer_token *token) {
        return token->generation;
}

uint64_t bearer_token_expires_at(const struct bearer_token *token) {
        return token->expires_at;
}

uint64_t bearer_token_expires_in(const struct bearer_token *token) {
        return time_until(token->ends_at, clock_now()) / NSEC_PER_SEC;
}

const char *bearer_token_scope(const struct bearer_token *token) {
        return token->scope;
}

const char *bearer_token_practice_id(const struct bearer_token *token) {
        return token->practice_id;
}
