/* SPDX-License-Identifier: MIT */
/* What an earlier life is said to have known. Beyond not crashing: what is believed makes sense; it
 * is written as it will be read by the next life, and so on for good; a broker that comes back from
 * it hands nothing out past its floor, and goes on. */
#include <errno.h>

#include "core/b64token.h"
#include "core/recall.h"
#include "fuzz.h"
#include "wire/store.h"

#define NOW   (100000 * NSEC_PER_SEC)
#define LIVES 3

static void check_lease(const struct lease *lease) {
        HOLDS(!lease_in_flight(lease), "nothing is in flight");
        HOLDS((lease->state == LEASE_FRESH) == (lease->access_token.size > 0),
              "a token is there, or it is not");
        HOLDS(lease->granted_at <= NOW && lease->floor_at <= lease->expires_at &&
                      lease->refresh_at <= lease->expires_at,
              "times are in their order");
        HOLDS(lease->retry_after_until <= NOW + 3600 * NSEC_PER_SEC, "patience ends");
        if (lease->state != LEASE_FRESH)
                return;
        HOLDS(lease->generation > 0, "a token has a generation");
        HOLDS(NOW < lease->floor_at, "a token is not past its floor");
        HOLDS(is_b64token(secret_slice(&lease->access_token)) &&
                      lease->access_token.size <= SECRET_SIZE_MAX,
              "a token can go into a header");
        HOLDS(lease->expires_at - NOW <= OUTCOME_EXPIRES_IN_MAX * NSEC_PER_SEC,
              "a token ends some day");
}

static void check_broker(const struct broker *broker) {
        HOLDS(broker->n_tokens <= CONFIG_TOKENS_MAX && !broker->is_configured &&
                      broker->n_in_flight == 0 && broker->waiters.n == 0,
              "a broker that comes back is at rest");
        for (size_t i = 0; i < broker->n_tokens; i++) {
                const struct broker_token *token = broker->tokens[i];

                HOLDS(token_name_is_valid(slice_of(token->name)), "a name is one");
                HOLDS(i == 0 || strcmp(broker->tokens[i - 1]->name, token->name) < 0,
                      "names are in their order, none twice");
                check_lease(&token->lease);
                HOLDS(token->account->budget.n_sent <= TERMS_REQUESTS_PER_MINUTE_MAX &&
                              token->account->budget.in_flight == 0,
                      "a budget is in its bounds");
        }
}

/* The next lives, by what each one before knows. The first one may put accounts in another order.
 */
static void check_lives(const struct broker *broker) {
        struct buffer before = BUFFER_INIT(STORE_TEXT_MAX), text = BUFFER_INIT(STORE_TEXT_MAX);

        store_render(&before, broker);
        HOLDS(buffer_error(&before) == 0, "what was read fits when it is written");
        for (unsigned life = 0; life < LIVES; life++) {
                struct broker next;

                broker_init(&next);
                HOLDS(store_parse(buffer_slice(&before), &next, NOW) == 0,
                      "what one life writes, the next one believes");
                store_render(&text, &next);
                HOLDS(life == 0 ? text.size == before.size
                                : is_same(buffer_slice(&before), buffer_slice(&text)),
                      "nothing is lost from life to life");
                buffer_clear(&before);
                buffer_append_slice(&before, buffer_slice(&text));
                buffer_clear(&text);
                broker_deinit(&next);
        }
        buffer_deinit(&before);
        buffer_deinit(&text);
}

static void carry_out(struct broker *broker, uint64_t now) {
        struct effect effect;

        while ((effect = broker_next_effect(broker)).kind != EFFECT_NONE)
                if (effect.kind == EFFECT_EXPIRED)
                        HOLDS(effect.token->lease.floor_at <= now, "a token is not given up early");
}

/* All of them are configured as they were, and time passes. */
static void check_going_on(struct broker *broker) {
        struct broker_spec specs[8];
        char *names[8];
        size_t n = broker->n_tokens < 8 ? broker->n_tokens : 8;
        uint64_t now = NOW;

        for (size_t i = 0; i < n; i++) {
                names[i] = string_of(slice_of(broker->tokens[i]->name), TOKEN_NAME_MAX);
                specs[i] = (struct broker_spec){.name = names[i],
                                                .identity = broker->tokens[i]->identity,
                                                .account = broker->tokens[i]->account->key,
                                                .terms = TERMS_DEFAULT};
        }
        HOLDS(broker_configure(broker, specs, n, now) == 0, "there is memory");
        carry_out(broker, now);
        for (unsigned i = 0; n > 0 && i < 20; i++) {
                uint64_t deadline = broker_deadline(broker);

                HOLDS(deadline > now && deadline != NEVER, "something is to come, and not at once");
                now = deadline;
                broker_expired(broker, 0, now);
                carry_out(broker, now);
                for (size_t j = 0; j < n; j++)
                        HOLDS(broker->tokens[j]->lease.access_token.size == 0 ||
                                      now < broker->tokens[j]->lease.floor_at,
                              "no token is kept past its floor");
        }
        for (size_t i = 0; i < n; i++)
                free(names[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct broker broker;
        int r;

        broker_init(&broker);
        r = store_parse(input_of(data, size), &broker, NOW);
        HOLDS(r == 0 || r == -EBADMSG, "it is believed, or it is not");
        if (r == 0) {
                check_broker(&broker);
                check_lives(&broker);
                check_going_on(&broker);
        }
        broker_deinit(&broker);
        return 0;
}
