/* SPDX-License-Identifier: MIT */
/* The lines between bearerd and bearerd-fetch. As what came: a request, and an answer, which is as
 * strict as if bearerd-fetch had been taken over. As what is said: outcomes of any texts. Beyond
 * not crashing: an outcome in its bounds; what is written is one line, short enough, and read as it
 * was. */
#include <errno.h>

#include "core/b64token.h"
#include "fuzz.h"
#include "wire/fetchline.h"

static bool is_text(const char *text, size_t size) {
        size_t length = strnlen(text, size);

        return length < size && is_printable(slice_of(text)) && !strpbrk(text, "\"\\");
}

static void check_outcome(const struct outcome *outcome) {
        bool is_grant = outcome->kind == OUTCOME_GRANTED;

        HOLDS(outcome->kind <= OUTCOME_MISCONFIGURED, "a kind is one of the four");
        HOLDS(outcome->sent || !is_grant, "what was not sent grants nothing");
        HOLDS(!outcome->sent || outcome->kind != OUTCOME_MISCONFIGURED,
              "what is misconfigured is not sent");
        HOLDS(outcome->status == 0 || (outcome->status >= 100 && outcome->status <= 599),
              "a status is one of HTTP's");
        HOLDS(outcome->retry_after <= UINT64_C(366) * 86400, "patience ends");
        HOLDS(is_text(outcome->error, sizeof outcome->error) &&
                      is_text(outcome->message, sizeof outcome->message) &&
                      is_text(outcome->scope, sizeof outcome->scope),
              "texts are harmless");
        HOLDS(is_grant == (outcome->access_token.size > 0) && is_grant == (outcome->expires_in > 0),
              "a grant has a token, and nothing else has one");
        HOLDS(outcome->access_token.size <= SECRET_SIZE_MAX &&
                      outcome->expires_in <= OUTCOME_EXPIRES_IN_MAX,
              "a token is in its bounds");
        HOLDS(!is_grant || is_b64token(secret_slice(&outcome->access_token)),
              "a token can go into a header");
}

static bool is_same_outcome(const struct outcome *a, const struct outcome *b) {
        return a->kind == b->kind && a->sent == b->sent && a->sent_at == b->sent_at &&
               a->status == b->status && a->retry_after == b->retry_after &&
               strcmp(a->error, b->error) == 0 && strcmp(a->message, b->message) == 0 &&
               secret_equal(&a->access_token, &b->access_token) && a->expires_in == b->expires_in &&
               strcmp(a->scope, b->scope) == 0;
}

static void check_written(const struct outcome *outcome) {
        struct buffer out = BUFFER_INIT(FETCHLINE_MAX);
        struct outcome again = OUTCOME_INIT;

        fetchline_render(&out, outcome);
        HOLDS(buffer_error(&out) == 0, "the longest outcome fits into a line");
        HOLDS(memchr(out.data, '\n', out.size) == out.data + out.size - 1, "a line is one line");
        HOLDS(fetchline_parse((struct slice){out.data, out.size - 1}, &again) == 0 &&
                      is_same_outcome(outcome, &again),
              "what is written is read as it was");
        outcome_deinit(&again);
        buffer_deinit(&out);
}

static void check_answer(struct slice line) {
        struct outcome outcome, before;
        int r;

        memset(&outcome, 0x5a, sizeof outcome);
        before = outcome;
        r = fetchline_parse(line, &outcome);
        HOLDS(r == 0 || r == -EBADMSG, "it is an answer, or it is not");
        if (r < 0) {
                HOLDS(!memcmp(&outcome, &before, sizeof outcome),
                      "results are written on success only");
                return;
        }
        check_outcome(&outcome);
        check_written(&outcome);
        outcome_deinit(&outcome);
}

static void check_request(struct slice line) {
        struct fetchline_request request = {false, "before"};
        struct buffer out = BUFFER_INIT(FETCHLINE_REQUEST_MAX);
        int r = fetchline_request_parse(line, &request);

        HOLDS(r == 0 || r == -EBADMSG, "it is a request, or it is not");
        if (r < 0) {
                HOLDS(strcmp(request.name, "before") == 0, "results are written on success only");
                return;
        }
        HOLDS(token_name_is_valid(slice_of(request.name)), "a name is one that a token may have");
        fetchline_request_render(&out, &request);
        HOLDS(buffer_error(&out) == 0 && out.size == line.size + 1 &&
                      memcmp(out.data, line.data, line.size) == 0,
              "a request that is written is the one that was read");
        buffer_deinit(&out);
}

/* What bearerd-fetch may have to tell of an endpoint that says anything. */
static void check_told(struct slice text) {
        static const char alphabet[] = "AZaz09-._~+/";
        struct outcome outcome = {
                .kind = (enum outcome_kind)(text.size % 4),
                .sent = text.size % 4 != OUTCOME_MISCONFIGURED,
                .sent_at = text.size,
                .status = text.size % 3 ? (int)(100 + text.size % 500) : 0,
                .retry_after = text.size % 5,
        };
        char token[64];

        outcome_text(outcome.error, sizeof outcome.error, take_line(&text));
        outcome_explain(&outcome, "HTTP %d: %s", outcome.status, outcome.error);
        if (outcome.kind == OUTCOME_GRANTED) {
                for (size_t i = 0; i < sizeof token; i++)
                        token[i] = alphabet[(i < text.size ? (unsigned char)text.data[i] : i) %
                                            (sizeof alphabet - 1)];
                outcome_text(outcome.scope, sizeof outcome.scope, text);
                outcome.expires_in = 1 + text.size;
                HOLDS(secret_set(&outcome.access_token, token, 1 + text.size % sizeof token) == 0,
                      "there is memory");
        }
        check_outcome(&outcome);
        check_written(&outcome);
        outcome_deinit(&outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice input = input_of(data, size);

        check_request(input);
        check_answer(input);
        check_told(input);
        return 0;
}
