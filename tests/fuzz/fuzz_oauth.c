/* SPDX-License-Identifier: MIT */
/* What a token endpoint answers: the status in a line of its own, then the body. Beyond not
 * crashing: an outcome in its bounds, which bearerd's own reader takes; a token only where the
 * status is 200 and a second reader finds the same one; a credential that the endpoint repeats, in
 * any form that it was sent in, is in none of the texts. */
#include <errno.h>

#include "base/decimal.h"
#include "core/b64token.h"
#include "fuzz.h"
#include "wire/fetchline.h"
#include "wire/json.h"
#include "wire/oauth.h"

#define DEFAULT_EXPIRES_IN 1800u

/* In the dictionary, in all its forms. */
static const char client_id[] = "an-id", client_secret[] = "Canary+Secret/1";
static const char secret_in_a_form[] = "Canary%2BSecret%2F1";
static const char secret_sent[] = "YW4taWQ6Q2FuYXJ5JTJCU2VjcmV0JTJGMQ==";

static bool text_has(const char *text, const char *part) {
        return strcasestr(text, part) != NULL;
}

static void check_texts(const struct outcome *outcome) {
        const char *const texts[] = {outcome->error, outcome->message, outcome->scope};
        const size_t sizes[] = {sizeof outcome->error, sizeof outcome->message,
                                sizeof outcome->scope};

        for (size_t i = 0; i < 3; i++) {
                HOLDS(strnlen(texts[i], sizes[i]) < sizes[i], "a text ends");
                HOLDS(is_printable(slice_of(texts[i])) && !strpbrk(texts[i], "\"\\"),
                      "a text is harmless");
                HOLDS(!text_has(texts[i], client_secret) && !text_has(texts[i], secret_in_a_form) &&
                              !text_has(texts[i], secret_sent),
                      "no text has a credential");
        }
        HOLDS(outcome->message[0] || outcome->kind == OUTCOME_GRANTED, "a failure is explained");
}

/* How often NAME begins a member of BODY, if that has neither escapes nor values in values. */
static unsigned naive_count(struct slice body, const char *name) {
        size_t size = strlen(name);
        unsigned n = 0;

        for (size_t i = 1; i + size < body.size; i++) {
                struct slice rest = behind(body, i);

                if (memchr("{[\\", rest.data[0], 3))
                        return 1; /* not known */
                if (!has_prefix(rest, (struct slice){name, size}))
                        continue;
                rest = behind(rest, size);
                while (rest.size > 0 && memchr(" \t\r\n", rest.data[0], 4))
                        rest = behind(rest, 1);
                n += rest.size > 0 && rest.data[0] == ':';
        }
        return n;
}

/* A body that our own reader takes says the same to it. */
static void check_grant(struct slice body, const struct outcome *outcome) {
        const struct json_member *member;
        struct json_object object;
        static char token[SECRET_SIZE_MAX + 1];

        HOLDS(is_b64token(secret_slice(&outcome->access_token)), "a token can go into a header");
        HOLDS(outcome->expires_in >= 1 && outcome->expires_in <= OUTCOME_EXPIRES_IN_MAX,
              "a life is in its bounds");
        HOLDS(body.size <= OAUTH_BODY_MAX, "a grant is not too long");
        HOLDS(naive_count(body, "\"access_token\"") == 1, "there is one token");
        if (json_parse(body, &object) < 0)
                return; /* nested values, fractions, ...: more than ours reads */
        member = json_find(&object, "access_token", JSON_STRING);
        HOLDS(member && json_string_copy(member, token, sizeof token) >= 0 &&
                      slice_is(secret_slice(&outcome->access_token), token),
              "two readers find the same token");
        member = json_find(&object, "expires_in", JSON_INTEGER);
        HOLDS(!member || member->integer == outcome->expires_in, "two readers find the same life");
        HOLDS(json_find(&object, "token_type", JSON_STRING), "a grant has a type");
}

/* What the endpoint said is told to bearerd, who must not refuse it. */
static void check_told(struct outcome *outcome) {
        struct buffer line = BUFFER_INIT(FETCHLINE_MAX);
        struct outcome again = OUTCOME_INIT;

        outcome->sent = true;
        fetchline_render(&line, outcome);
        HOLDS(buffer_error(&line) == 0, "an outcome fits into a line");
        HOLDS(fetchline_parse((struct slice){line.data, line.size - 1}, &again) == 0 &&
                      again.kind == outcome->kind && again.status == outcome->status &&
                      strcmp(again.error, outcome->error) == 0 &&
                      strcmp(again.message, outcome->message) == 0 &&
                      strcmp(again.scope, outcome->scope) == 0 &&
                      secret_equal(&again.access_token, &outcome->access_token),
              "bearerd understands what bearerd-fetch has understood");
        outcome_deinit(&again);
        buffer_deinit(&line);
}

static struct outcome answer(int status, struct slice body, const struct secret *secret,
                             const struct secret *basic) {
        struct oauth_asked asked = {"token_url", CLIENT_AUTH_BASIC, DEFAULT_EXPIRES_IN, secret,
                                    basic};
        struct outcome outcome = OUTCOME_INIT;

        memset(outcome.error, 'x', sizeof outcome.error);
        memset(outcome.message, 'x', sizeof outcome.message);
        outcome.retry_after = 7;
        HOLDS(oauth_answer(status, body, &asked, &outcome) == 0, "there is memory");
        HOLDS(outcome.retry_after == 7 && !outcome.sent && outcome.sent_at == 0 &&
                      outcome.status == status,
              "nothing else is set");
        return outcome;
}

static void check_body(int status, struct slice body, const struct secret *secret,
                       const struct secret *basic) {
        struct outcome outcome = answer(status, body, secret, basic);
        bool is_grant = outcome.kind == OUTCOME_GRANTED;

        check_texts(&outcome);
        HOLDS(is_grant == (outcome.access_token.size > 0), "a grant has a token");
        HOLDS(!is_grant || status == 200, "200 alone brings a token");
        HOLDS(outcome.kind != OUTCOME_DENIED || (status >= 300 && status <= 499),
              "a refusal is told by the status");
        HOLDS(outcome.kind != OUTCOME_MISCONFIGURED, "what is here is right");
        if (is_grant)
                check_grant(body, &outcome);
        check_told(&outcome);
        outcome_deinit(&outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct secret id = SECRET_INIT, secret = SECRET_INIT, basic = SECRET_INIT;
        struct slice body = input_of(data, size), line = take_line(&body);
        uint64_t status;

        if (decimal_parse(line, 599, &status) < 0 || status < 100)
                return 0;
        HOLDS(secret_set(&id, client_id, strlen(client_id)) == 0 &&
                      secret_set(&secret, client_secret, strlen(client_secret)) == 0 &&
                      oauth_basic(&id, &secret, CONFIG_BASIC_RFC6749, &basic) == 0,
              "there is memory");
        HOLDS(slice_is(behind(secret_slice(&basic), strlen("Basic ")), secret_sent),
              "what is looked for is what is sent");
        check_body((int)status, body, &secret, &basic);
        secret_deinit(&id);
        secret_deinit(&secret);
        secret_deinit(&basic);
        return 0;
}
