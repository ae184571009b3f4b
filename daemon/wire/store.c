/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/decimal.h"
#include "core/b64token.h"
#include "core/recall.h"
#include "wire/json.h"
#include "wire/store.h"

/* URL, client and scope, with the newlines between them. */
#define IDENTITY_SIZE 4096
/* As many times as a budget remembers, of 20 digits and a space each. */
#define TIMES_SIZE (TERMS_REQUESTS_PER_MINUTE_MAX * (size_t)21 + 1)

/* Numbers of a lease that are written as they are. */
static const struct {
        const char *key;
        size_t offset;
} numbers[] = {
        {"generation", offsetof(struct lease, generation)},
        {"life", offsetof(struct lease, life)},
        {"granted_at", offsetof(struct lease, granted_at)},
        {"expires_at", offsetof(struct lease, expires_at)},
        {"floor_at", offsetof(struct lease, floor_at)},
        {"refresh_at", offsetof(struct lease, refresh_at)},
        {"retry_after_until", offsetof(struct lease, retry_after_until)},
        {"forced_until", offsetof(struct lease, forced_until)},
        {"forced_pause", offsetof(struct lease, forced_pause)},
        {"renewals", offsetof(struct lease, renewals)},
};

#define N_NUMBERS (sizeof numbers / sizeof numbers[0])

/* ---- writing ---- */

static void render_token(struct buffer *out, const struct broker_token *token) {
        const struct lease *lease = &token->lease;
        struct json_writer json = {out};

        json_begin(&json, NULL, '{');
        json_string(&json, "token", slice_of(token->name));
        json_string(&json, "identity", slice_of(token->identity));
        json_string(&json, "account", slice_of(token->account->key));
        for (size_t i = 0; i < N_NUMBERS; i++) {
                uint64_t number;

                memcpy(&number, (const char *)lease + numbers[i].offset, sizeof number);
                json_integer(&json, numbers[i].key, number);
        }
        json_string(&json, "scope", slice_of(lease->scope));
        json_plain_string(&json, "access_token", secret_slice(&lease->access_token));
        json_end(&json, '}');
        buffer_append_char(out, '\n');
}

static void render_account(struct buffer *out, const struct account *account) {
        const struct budget *budget = &account->budget;
        struct json_writer json = {out};
        _cleanup_(buffer_deinit) struct buffer times = BUFFER_INIT(TIMES_SIZE);

        for (unsigned i = 0; i < budget->n_sent; i++) {
                decimal_render(&times, budget->sent[i]);
                buffer_append_char(&times, ' ');
        }
        if (buffer_error(&times) < 0) {
                out->error = buffer_error(&times);
                return;
        }
        json_begin(&json, NULL, '{');
        json_string(&json, "account", slice_of(account->key));
        json_integer(&json, "cold_until", budget->cold_until);
        json_integer(&json, "in_flight", budget->in_flight);
        json_plain_string(&json, "sent", buffer_slice(&times));
        json_end(&json, '}');
        buffer_append_char(out, '\n');
}

/* Of accounts without tokens, so many as there is room for. */
void store_render(struct buffer *out, const struct broker *broker) {
        size_t left_over = 0, left_over_max = CONFIG_TOKENS_MAX - broker->n_tokens;

        for (size_t i = 0; i < broker->n_tokens; i++)
                render_token(out, broker->tokens[i]);
        LIST_FOREACH(link, &broker->accounts) {
                const struct account *account = CONTAINER_OF(link, struct account, link);

                if (account->n_tokens > 0 || left_over++ < left_over_max)
                        render_account(out, account);
        }
}

/* ---- reading ---- */

static int read_number(const struct json_object *object, const char *key, uint64_t *ret_value) {
        const struct json_member *member = json_find(object, key, JSON_INTEGER);

        if (!member)
                return -EBADMSG;
        *ret_value = member->integer;
        return 0;
}

static int read_text(const struct json_object *object, const char *key, char *ret_text,
                     size_t size) {
        const struct json_member *member = json_find(object, key, JSON_STRING);

        return member && json_string_copy(member, ret_text, size) >= 0 ? 0 : -EBADMSG;
}

static int read_lease(const struct json_object *object, struct lease *lease) {
        const struct json_member *token = json_find(object, "access_token", JSON_STRING);

        for (size_t i = 0; i < N_NUMBERS; i++) {
                uint64_t number;

                if (read_number(object, numbers[i].key, &number) < 0)
                        return -EBADMSG;
                memcpy((char *)lease + numbers[i].offset, &number, sizeof number);
        }
        if (read_text(object, "scope", lease->scope, sizeof lease->scope) < 0 || !token)
                return -EBADMSG;
        if (token->text.size == 0)
                return 0;
        if (!is_b64token(token->text))
                return -EBADMSG;
        return secret_set(&lease->access_token, token->text.data, token->text.size);
}

static int parse_token(const struct json_object *object, struct broker *broker, uint64_t now) {
        char name[TOKEN_NAME_MAX + 1], identity[IDENTITY_SIZE], account[IDENTITY_SIZE];
        struct lease lease = {0};
        int r;

        if (read_text(object, "token", name, sizeof name) < 0 ||
            !token_name_is_valid(slice_of(name)) ||
            read_text(object, "identity", identity, sizeof identity) < 0 ||
            read_text(object, "account", account, sizeof account) < 0)
                return -EBADMSG;
        if (broker->n_tokens >= CONFIG_TOKENS_MAX)
                return -EBADMSG;
        r = read_lease(object, &lease);
        if (r == 0)
                r = recall_token(broker, name, identity, account, &lease, now);
        lease_deinit(&lease);
        return r;
}

static int read_times(struct slice text, struct budget *budget) {
        struct slice time;

        while (slice_cut(&text, ' ', &time)) {
                if (budget->n_sent == TERMS_REQUESTS_PER_MINUTE_MAX ||
                    decimal_parse(time, UINT64_MAX, &budget->sent[budget->n_sent]) < 0)
                        return -EBADMSG;
                budget->n_sent++;
        }
        return 0;
}

static int parse_account(const struct json_object *object, struct broker *broker, uint64_t now) {
        const struct json_member *sent = json_find(object, "sent", JSON_STRING);
        struct budget budget = {0};
        char account[IDENTITY_SIZE];
        uint64_t in_flight;

        if (!sent || read_text(object, "account", account, sizeof account) < 0 ||
            read_number(object, "cold_until", &budget.cold_until) < 0 ||
            read_number(object, "in_flight", &in_flight) < 0 || in_flight > BROKER_IN_FLIGHT_MAX ||
            read_times(sent->text, &budget) < 0)
                return -EBADMSG;
        budget.in_flight = (unsigned)in_flight;
        return recall_budget(broker, account, &budget, now);
}

int store_parse(struct slice text, struct broker *broker, uint64_t now) {
        struct slice line;

        while (slice_cut(&text, '\n', &line)) {
                struct json_object object;
                int r;

                if (json_parse(line, &object) < 0)
                        return -EBADMSG;
                if (json_find(&object, "token", JSON_STRING))
                        r = parse_token(&object, broker, now);
                else
                        r = parse_account(&object, broker, now);
                if (r < 0)
                        return r == -ENOMEM ? -ENOMEM : -EBADMSG;
        }
        return 0;
}
