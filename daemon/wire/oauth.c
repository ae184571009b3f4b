/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/decimal.h"
#include "core/b64token.h"
#include "wire/document.h"
#include "wire/form.h"
#include "wire/httpdate.h"
#include "wire/oauth.h"

#define DESCRIPTION_MAX 400
/* A secret of less bytes would be found where it is not. */
#define ECHO_MIN ((size_t)4)
#define WITHHELD "(withheld: it contains a credential)"

/* Reading JSON */

struct answer {
        int status;
        struct slice body;
        const struct oauth_asked *asked;
        struct json_object *root; /* of the body; NULL: it is no JSON object */
};

static const char *read_body(struct answer *answer) {
        _Static_assert(OAUTH_BODY_MAX == 65536, "the message says so");
        if (answer->status != 200)
                return "only 200 brings one";
        if (answer->body.size > OAUTH_BODY_MAX)
                return "longer than 65536 bytes";
        return document_read(answer->body, &answer->root);
}

/* Finding what an endpoint repeats */

static bool text_has(struct slice text, struct slice part) {
        if (part.size < ECHO_MIN)
                return false;
        for (size_t i = 0; i + part.size <= text.size; i++)
                if (slice_equal_nocase((struct slice){text.data + i, part.size}, part))
                        return true;
        return false;
}

/* The secret as it is, as it was sent, or form-urlencoded (in any case: "%2f"). What cannot be
 * looked for is taken as found. */
static bool text_repeats_credential(const struct answer *answer, struct slice text) {
        struct slice basic = secret_slice(answer->asked->basic),
                     secret = secret_slice(answer->asked->secret);
        struct buffer form = BUFFER_INIT(3 * SECRET_SIZE_MAX);
        size_t scheme = strlen("Basic ");
        bool found;

        form_encode(&form, secret);
        found = buffer_error(&form) < 0 || text_has(text, secret) ||
                text_has(text, buffer_slice(&form));
        if (!found && basic.size > scheme)
                found = text_has(text, (struct slice){basic.data + scheme, basic.size - scheme});
        buffer_deinit(&form);
        return found;
}

/* As it is, and as it would be shown: bytes that are left out then hide nothing. */
static bool text_gives_away(const struct answer *answer, struct slice text) {
        struct buffer shown = BUFFER_INIT(OAUTH_BODY_MAX + sizeof "...");
        bool found = text_repeats_credential(answer, text);

        if (!found && buffer_reserve(&shown, text.size + sizeof "...") == 0) {
                outcome_text(shown.data, text.size + sizeof "...", text);
                found = text_repeats_credential(answer, slice_of(shown.data));
        }
        found |= buffer_error(&shown) < 0;
        buffer_deinit(&shown);
        return found;
}

/* What grants a token, read strictly. Each reader says what is wrong, or NULL. */

static const char *read_access_token(struct json_object *root, struct slice *ret_token) {
        struct slice token = document_string(root, "access_token");

        if (!token.data)
                return "access_token is missing or no string";
        if (token.size > SECRET_SIZE_MAX)
                return "access_token is too long";
        if (!is_b64token(token))
                return "access_token has characters that a bearer token has not";
        *ret_token = token;
        return NULL;
}

static const char *read_token_type(struct json_object *root) {
        struct slice type = document_string(root, "token_type");

        if (!type.data)
                return "token_type is missing or no string";
        if (!slice_is_nocase(type, "bearer"))
                return "token_type is not Bearer";
        return NULL;
}

/* json_object_get_int64() would read true as 1, and a string as far as it has digits. */
static const char *read_expires_in(const struct answer *answer, uint64_t *ret_seconds) {
        static const char why[] = "expires_in is no whole number from 1 to 315360000";
        struct slice text = document_string(answer->root, "expires_in");
        struct json_object *value;
        uint64_t seconds = 0;

        _Static_assert(OUTCOME_EXPIRES_IN_MAX == 315360000, "the message says so");
        if (!json_object_object_get_ex(answer->root, "expires_in", &value))
                seconds = answer->asked->default_expires_in;
        else if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) > 0)
                seconds = (uint64_t)json_object_get_int64(value);
        else if (decimal_parse(text, OUTCOME_EXPIRES_IN_MAX, &seconds) < 0)
                return why;
        if (seconds < 1 || seconds > OUTCOME_EXPIRES_IN_MAX)
                return why;
        *ret_seconds = seconds;
        return NULL;
}

/* RFC 6749 3.3: tokens of %x21 / %x23-5B / %x5D-7E with one space between them. */
static bool is_scope(struct slice text) {
        for (size_t i = 0; i < text.size; i++) {
                char c = text.data[i];

                if (c < ' ' || c > '~' || c == '"' || c == '\\')
                        return false;
                if (c == ' ' && (i == 0 || i == text.size - 1 || text.data[i - 1] == ' '))
                        return false;
        }
        return true;
}

/* A scope that is null, or "", is one that was not said. */
static const char *read_scope(const struct answer *answer, struct slice *ret_scope) {
        struct slice scope = document_string(answer->root, "scope");
        struct json_object *value;

        if (!scope.data && json_object_object_get_ex(answer->root, "scope", &value) && value)
                return "scope is no string";
        if (scope.size > OUTCOME_SCOPE_MAX)
                return "scope is too long";
        if (!is_scope(scope))
                return "scope has characters that a scope has not";
        if (text_repeats_credential(answer, scope))
                return "scope repeats a credential";
        *ret_scope = scope;
        return NULL;
}

static const char *read_grant(const struct answer *answer, struct slice *ret_token,
                              uint64_t *ret_expires_in, struct slice *ret_scope) {
        const char *why = read_access_token(answer->root, ret_token);

        if (!why)
                why = read_token_type(answer->root);
        if (!why)
                why = read_expires_in(answer, ret_expires_in);
        if (!why)
                why = read_scope(answer, ret_scope);
        return why;
}

/* What the endpoint says */

static struct slice endpoint_text(const struct answer *answer, const char *name) {
        struct slice text = document_string(answer->root, name);

        if (text.size > 0 && text_gives_away(answer, text))
                return SLICE(WITHHELD);
        if (text.size > DESCRIPTION_MAX)
                text.size = DESCRIPTION_MAX;
        return text;
}

/* RFC 6749 5.2; athenahealth; gateways. */
static struct slice endpoint_description(const struct answer *answer) {
        static const char *const names[] = {"error_description", "detailedmessage", "message"};
        struct slice text = {NULL, 0};

        for (size_t i = 0; i < sizeof names / sizeof *names && text.size == 0; i++)
                text = endpoint_text(answer, names[i]);
        return text;
}

/* A body that is not shown, in words. */
static const char *body_words(struct slice body) {
        while (body.size > 0 && memchr(" \t\r\n", body.data[0], 4))
                body = (struct slice){body.data + 1, body.size - 1};
        if (body.size == 0)
                return " with an empty body";
        if (body.data[0] == '<')
                return " with an HTML page";
        return body.data[0] == '{' ? " with JSON" : " with text";
}

/* "HTTP 401 invalid_client: check ...; the endpoint says: ..." */
static void explain(const struct answer *answer, const char *prefix, const char *advice,
                    struct outcome *outcome) {
        struct slice description = endpoint_description(answer);
        const char *words = *outcome->error || description.size > 0 ? "" : body_words(answer->body);
        char text[DESCRIPTION_MAX + 1];

        outcome_text(text, sizeof text, description);
        outcome_explain(outcome, "HTTP %d%s%s%s: %s%s%s%s", answer->status,
                        *outcome->error ? " " : "", outcome->error, words, prefix, advice,
                        *text ? "; the endpoint says: " : "", text);
}

/* What refuses one, read tolerantly */

/* What there is to do about it. Credentials are called by the settings that they are of. */
enum advice {
        ADVICE_WAIT,
        ADVICE_SLOW_DOWN,
        ADVICE_CREDENTIALS,
        ADVICE_CREDENTIALS_OR_SCOPE,
        ADVICE_EVERYTHING,
        ADVICE_REQUEST,
        ADVICE_SCOPE,
        ADVICE_URL,
        ADVICE_REDIRECT,
};

static const char *const advice_words[] = {
        [ADVICE_WAIT] = "nothing to do, it is tried again",
        [ADVICE_SLOW_DOWN] = "too many requests, it is tried again later",
        [ADVICE_CREDENTIALS] = "check ",
        [ADVICE_CREDENTIALS_OR_SCOPE] = "check ",
        [ADVICE_EVERYTHING] = "check ",
        [ADVICE_REQUEST] = "check ",
        [ADVICE_SCOPE] = "check scope and the client's permissions",
        [ADVICE_URL] = "check ",
        [ADVICE_REDIRECT] = "a redirect is never followed, check ",
};

/* clang-format off */
static const struct {
        const char *most, *last;
} credential_words[] = {
        [CLIENT_AUTH_BASIC]           = {"client_id, client_secret", "basic_encoding"},
        [CLIENT_AUTH_POST]            = {"client_id, client_secret", "client_auth"},
        [CLIENT_AUTH_PRIVATE_KEY_JWT] = {"client_id, private_key, key_id, signing_algorithm, "
                                         "assertion_audience", "this host's clock"},
        [CLIENT_AUTH_TLS]             = {"client_id, client_certificate", "client_auth"},
        [CLIENT_AUTH_SELF_SIGNED_TLS] = {"client_id, client_certificate", "client_auth"},
        [CLIENT_AUTH_NONE]            = {"client_id", "client_auth"},
};
/* clang-format on */

static void advise(enum advice advice, const struct oauth_asked *asked, char *ret_text,
                   size_t size) {
        enum client_auth way =
                asked->grant == GRANT_JWT_BEARER ? CLIENT_AUTH_PRIVATE_KEY_JWT : asked->client_auth;
        const char *words = advice_words[advice], *url = asked->url_key,
                   *most = credential_words[way].most, *last = credential_words[way].last;

        switch (advice) {
        case ADVICE_CREDENTIALS:
                snprintf(ret_text, size, "%s%s and %s", words, most, last);
                break;
        case ADVICE_CREDENTIALS_OR_SCOPE:
                snprintf(ret_text, size, "%s%s and scope", words, most);
                break;
        case ADVICE_EVERYTHING:
                snprintf(ret_text, size, "%s%s, scope and %s", words, most, url);
                break;
        case ADVICE_REQUEST:
                snprintf(ret_text, size, "%s%s and %s", words, url, last);
                break;
        case ADVICE_URL:
        case ADVICE_REDIRECT:
                snprintf(ret_text, size, "%s%s", words, url);
                break;
        case ADVICE_WAIT:
        case ADVICE_SLOW_DOWN:
        case ADVICE_SCOPE:
                snprintf(ret_text, size, "%s", words);
        }
}

struct meaning {
        enum outcome_kind kind;
        enum advice advice;
};

/* What RFC 6749 5.2 (and 4.1.2.1) name. */
static const struct {
        const char *error;
        struct meaning meaning;
} known_errors[] = {
        {"access_denied", {OUTCOME_DENIED, ADVICE_SCOPE}},
        {"invalid_client", {OUTCOME_DENIED, ADVICE_CREDENTIALS}},
        {"invalid_grant", {OUTCOME_DENIED, ADVICE_CREDENTIALS}},
        {"invalid_request", {OUTCOME_DENIED, ADVICE_REQUEST}},
        {"invalid_scope", {OUTCOME_DENIED, ADVICE_SCOPE}},
        {"server_error", {OUTCOME_FAILED, ADVICE_WAIT}},
        {"slow_down", {OUTCOME_FAILED, ADVICE_WAIT}},
        {"temporarily_unavailable", {OUTCOME_FAILED, ADVICE_WAIT}},
        {"unauthorized_client", {OUTCOME_DENIED, ADVICE_SCOPE}},
        {"unsupported_grant_type", {OUTCOME_DENIED, ADVICE_URL}},
};

static struct meaning status_meaning(int status, bool is_empty) {
        switch (status) {
        case 400:
                return (struct meaning){OUTCOME_DENIED, ADVICE_EVERYTHING};
        case 401:
                return (struct meaning){OUTCOME_DENIED, ADVICE_CREDENTIALS};
        case 403:
                /* Some endpoints answer so to a wrong secret. */
                if (is_empty)
                        return (struct meaning){OUTCOME_DENIED, ADVICE_CREDENTIALS_OR_SCOPE};
                return (struct meaning){OUTCOME_DENIED, ADVICE_SCOPE};
        case 408:
        case 425:
                return (struct meaning){OUTCOME_FAILED, ADVICE_WAIT};
        case 429:
                return (struct meaning){OUTCOME_FAILED, ADVICE_SLOW_DOWN};
        default:
                if (status >= 300 && status <= 399)
                        return (struct meaning){OUTCOME_DENIED, ADVICE_REDIRECT};
                if (status >= 400 && status <= 499)
                        return (struct meaning){OUTCOME_DENIED, ADVICE_URL};
                return (struct meaning){OUTCOME_FAILED, ADVICE_WAIT};
        }
}

/* The error code makes the advice better. It beats the status only where a 400 says that the
 * trouble will pass. */
static struct meaning refusal_meaning(int status, const char *error, bool is_empty) {
        struct meaning meaning = status_meaning(status, is_empty);

        if (status < 400 || status > 499)
                return meaning;
        for (size_t i = 0; i < sizeof known_errors / sizeof *known_errors; i++)
                if (strcmp(known_errors[i].error, error) == 0 &&
                    (known_errors[i].meaning.kind == meaning.kind || status == 400))
                        return known_errors[i].meaning;
        return meaning;
}

static void refuse(struct answer *answer, struct outcome *outcome) {
        struct meaning meaning;
        char advice[OUTCOME_MESSAGE_MAX];

        answer->root = document_read_leniently(answer->body);
        outcome_text(outcome->error, sizeof outcome->error, endpoint_text(answer, "error"));
        meaning = refusal_meaning(answer->status, outcome->error, answer->body.size == 0);
        outcome->kind = meaning.kind;
        advise(meaning.advice, answer->asked, advice, sizeof advice);
        explain(answer, "", advice, outcome);
}

/* Success is 200 alone (RFC 6749 5.1). An endpoint may send its errors with it as well, so what it
 * says is told here too. */
static int grant(struct answer *answer, struct outcome *outcome) {
        const char *why = read_body(answer);
        struct slice token, scope;
        int r;

        if (!why)
                why = read_grant(answer, &token, &outcome->expires_in, &scope);
        if (why) {
                outcome_text(outcome->error, sizeof outcome->error, endpoint_text(answer, "error"));
                outcome->kind = OUTCOME_FAILED;
                explain(answer, "no token, ", why, outcome);
                return 0;
        }
        r = secret_set(&outcome->access_token, token.data, token.size);
        if (r < 0)
                return r;
        outcome_text(outcome->scope, sizeof outcome->scope, scope);
        outcome->kind = OUTCOME_GRANTED;
        return 0;
}

int oauth_answer(int status, struct slice body, const struct oauth_asked *asked,
                 struct outcome *ret_outcome) {
        struct answer answer = {status, body, asked, NULL};
        int r = 0;

        ret_outcome->status = status;
        ret_outcome->error[0] = ret_outcome->message[0] = 0;
        if (status >= 200 && status <= 299)
                r = grant(&answer, ret_outcome);
        else
                refuse(&answer, ret_outcome);
        document_free(answer.root);
        return r;
}

static uint64_t seconds_until(struct slice date, int64_t now) {
        int64_t then;

        return httpdate_parse(date, now, &then) == 0 && then > now ? (uint64_t)(then - now) : 0;
}

uint64_t oauth_retry_after(struct slice value, int64_t now) {
        uint64_t seconds;

        switch (decimal_parse(slice_trim(value), OAUTH_RETRY_AFTER_MAX, &seconds)) {
        case 0:
                return seconds;
        case -ERANGE:
                return OAUTH_RETRY_AFTER_MAX;
        default:
                seconds = seconds_until(slice_trim(value), now);
                return seconds < OAUTH_RETRY_AFTER_MAX ? seconds : OAUTH_RETRY_AFTER_MAX;
        }
}
