/* SPDX-License-Identifier: MIT */
/* What bearerd answers, with texts of any bytes in it, as lines: token, name, scope, practice id,
 * an error's code; what follows is its message. Beyond not crashing: an answer of any content is
 * one response, is JSON, and says what went in; what libbearer reads of a token is what bearerd
 * has. */
#include <errno.h>

#include <json-c/json.h>

#include "client/token.h"
#include "core/outcome.h"
#include "fuzz.h"
#include "wire/api.h"

#define LIST 3 /* tokens */

/* As bytes are mapped to what a token, a name, a text may be made of. */
static char *mapped(struct slice text, const char *alphabet, size_t least, size_t most) {
        size_t size = text.size < least ? least : text.size > most ? most : text.size;
        char *string = calloc(1, size + 1);

        HOLDS(string, "there is memory");
        for (size_t i = 0; i < size; i++) {
                char c = i < text.size ? text.data[i] : 'x';

                if (c == 0 || !strchr(alphabet, c))
                        c = alphabet[(unsigned char)c % strlen(alphabet)];
                string[i] = c;
        }
        return string;
}

static struct slice read_body(const struct buffer *out, int status, bool keeps) {
        struct http1_response response;

        HOLDS(buffer_error(out) == 0, "an answer has room");
        HOLDS(http1_response_parse(buffer_slice(out), &response) == (ssize_t)out->size,
              "an answer is one response");
        HOLDS(response.status == status && response.keep_alive == keeps,
              "an answer is of its status");
        return response.body;
}

static void check_read(const struct api_token *token, struct slice body) {
        struct bearer_token *read = NULL;
        struct token_offer offer;

        HOLDS(token_parse(body, 0, &read, &offer) == 0, "libbearer reads what bearerd writes");
        HOLDS(slice_is(token->access_token, bearer_token_value(read)) &&
                      strcmp(bearer_token_name(read), token->name) == 0 &&
                      bearer_token_generation(read) == token->generation &&
                      bearer_token_expires_at(read) == token->expires_at &&
                      strcmp(bearer_token_scope(read), token->scope) == 0 &&
                      strcmp(bearer_token_practice_id(read), token->practice_id) == 0,
              "libbearer reads what bearerd has written");
        if (token->epoch_file[0] == '/')
                HOLDS(strcmp(offer.epoch_file, token->epoch_file) == 0 &&
                              offer.slot == token->epoch_slot && offer.epoch == token->epoch &&
                              offer.served_for == token->served_for,
                      "libbearer reads what it is offered");
        else
                HOLDS(offer.epoch == 0, "a file whose path is not absolute is no offer");
        bearer_token_unref(read);
}

static void check_token(const struct api_token *token) {
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct slice body;

        for (enum http1_keep_alive kept = HTTP1_CLOSED; kept <= HTTP1_KEPT_AND_TOLD; kept++) {
                api_token_render(&out, token, API_JSON, kept);
                check_read(token, read_body(&out, 200, kept != HTTP1_CLOSED));
                buffer_clear(&out);
        }
        api_token_render(&out, token, API_PLAIN, HTTP1_KEPT);
        body = read_body(&out, 200, true);
        HOLDS(body.size == token->access_token.size + 1 && has_prefix(body, token->access_token),
              "a bare token is the bare token");
        buffer_clear(&out);
        api_token_render(&out, token, API_HEADER, HTTP1_KEPT);
        body = read_body(&out, 200, true);
        HOLDS(has_prefix(body, SLICE("Authorization: Bearer ")) &&
                      memchr(body.data, '\n', body.size) == body.data + body.size - 1,
              "a header is one line");
        buffer_deinit(&out);
}

/* What json-c finds of NAME is TEXT; bytes that are no UTF-8 are others by then. */
static void check_text(json_object *object, const char *name, const char *text) {
        json_object *value;

        if (!text[0]) {
                HOLDS(!json_object_object_get_ex(object, name, &value),
                      "what is empty is not there");
                return;
        }
        HOLDS(json_object_object_get_ex(object, name, &value) &&
                      json_object_is_type(value, json_type_string),
              "a text is there");
        for (const char *c = text; *c; c++)
                if ((unsigned char)*c >= 0x80)
                        return;
        HOLDS(strcmp(json_object_get_string(value), text) == 0, "a text is what went in");
}

/* All of BODY. */
static json_object *read_json(struct slice body) {
        json_tokener *tokener = json_tokener_new();
        json_object *root;

        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        root = json_tokener_parse_ex(tokener, body.data, (int)body.size);
        HOLDS(json_object_is_type(root, json_type_object), "an answer is a JSON object");
        json_tokener_free(tokener);
        return root;
}

static void check_tokens(const struct api_token_status *status) {
        const struct api_token_status list[LIST] = {*status, *status, *status};
        struct buffer out = BUFFER_INIT(HTTP1_ANSWER_MAX);
        json_object *root, *tokens, *one, *error;

        api_tokens_render(&out, list, LIST, HTTP1_KEPT);
        root = read_json(read_body(&out, 200, true));
        HOLDS(json_object_object_get_ex(root, "tokens", &tokens) &&
                      json_object_array_length(tokens) == LIST,
              "every token is in the list");
        one = json_object_array_get_idx(tokens, LIST - 1);
        check_text(one, "name", status->name);
        check_text(one, "scope", status->scope);
        check_text(one, "practice_id", status->practice_id);
        HOLDS(json_object_object_get_ex(one, "last_error", &error) == (status->last_error[0] != 0),
              "an error is told if there is one");
        if (status->last_error[0]) {
                check_text(error, "upstream_error", status->upstream_error);
                check_text(error, "message", status->message);
        }
        json_object_put(root);
        buffer_deinit(&out);
}

static void check_error(const struct api_error *error) {
        struct buffer out = BUFFER_INIT(HTTP1_ANSWER_MAX);
        json_object *root;

        api_error_render(&out, error, HTTP1_CLOSED);
        root = read_json(read_body(&out, error->status, false));
        check_text(root, "error", error->error);
        check_text(root, "upstream_error", error->upstream_error);
        json_object_put(root);
        buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char bearer[] = "AZaz09-._~+/", name_of[] = "az09";
        static const char plain[] = " !#$%&'()*+,-./0123456789:;<=>?@AZ[]^_`az{|}~";
        static const int statuses[] = {400, 403, 404, 405, 429, 502, 503, 504};
        struct slice rest = input_of(data, size);
        char *token = mapped(take_line(&rest), bearer, 1, SECRET_SIZE_MAX);
        char *name = mapped(take_line(&rest), name_of, 1, TOKEN_NAME_MAX);
        struct slice scope = take_line(&rest), practice = take_line(&rest);
        char *plain_scope = mapped(scope, plain, 0, OUTCOME_SCOPE_MAX);
        char *plain_practice = mapped(practice, plain, 0, 64);
        char *plain_file = mapped(scope, plain, 1, EPOCH_PATH_MAX);
        char *any_scope = string_of(scope, SIZE_MAX), *any_practice = string_of(practice, SIZE_MAX);
        char *code = string_of(take_line(&rest), SIZE_MAX), *message = string_of(rest, SIZE_MAX);
        struct api_error error = {statuses[size % 8], "upstream", .retry_after = size,
                                  .upstream_status = (int)size, .upstream_error = code};

        snprintf(error.description, sizeof error.description, "%s", message);
        check_token(&(struct api_token){.name = name,
                                        .access_token = slice_of(token),
                                        .expires_in = size,
                                        .expires_at = 1790000000 + size,
                                        .served_for = size,
                                        .generation = size + 1,
                                        .scope = plain_scope,
                                        .practice_id = plain_practice,
                                        .epoch_file = plain_file,
                                        .epoch_slot = (uint32_t)size % EPOCH_SLOTS_MAX,
                                        .epoch = size + 1});
        check_tokens(&(struct api_token_status){.name = name,
                                                .valid = size % 2,
                                                .generation = size,
                                                .expires_in = size,
                                                .next_attempt = UINT64_MAX,
                                                .scope = any_scope,
                                                .practice_id = any_practice,
                                                .last_error = code[0] ? "failed" : "",
                                                .last_error_age = size,
                                                .upstream_status = (int)size,
                                                .upstream_error = code,
                                                .message = message});
        check_error(&error);
        free(token);
        free(name);
        free(plain_scope);
        free(plain_practice);
        free(plain_file);
        free(any_scope);
        free(any_practice);
        free(code);
        free(message);
        return 0;
}
