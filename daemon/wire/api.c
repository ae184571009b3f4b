/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "wire/api.h"
#include "wire/form.h"
#include "wire/grant.h"
#include "wire/json.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* As much of what a peer sent as a description repeats, harmless to read in a log or a terminal. */
#define EXCERPT_MAX  32
#define EXCERPT_SIZE (EXCERPT_MAX + sizeof "...")

static const char *excerpt(struct slice text, char ret_text[EXCERPT_SIZE]) {
        size_t size = text.size < EXCERPT_MAX ? text.size : EXCERPT_MAX;

        for (size_t i = 0; i < size; i++) {
                char c = text.data[i];

                ret_text[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
        }
        strcpy(ret_text + size, size < text.size ? "..." : "");
        return ret_text;
}

static int refuse(struct api_error *ret_error, int status, const char *error, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

static int refuse(struct api_error *ret_error, int status, const char *error, const char *format,
                  ...) {
        va_list arguments;

        *ret_error = (struct api_error){.status = status, .error = error};
        va_start(arguments, format);
        vsnprintf(ret_error->description, sizeof ret_error->description, format, arguments);
        va_end(arguments);
        return -EBADMSG;
}

enum parameter {
        AFTER,
        MIN_VALID,
        WAIT,
};

static const struct {
        const char *name;
        uint64_t max;
        const char *rule;
} parameters[] = {
        [AFTER] = {"after", UINT64_MAX,
                   "after must be a generation, a whole number up to 18446744073709551615"},
        [MIN_VALID] = {"min_valid", 9999999999,
                       "min_valid must be a whole number of seconds from 0 to 9999999999"},
        [WAIT] = {"wait", API_WAIT_MAX, "wait must be a whole number of seconds from 0 to 60"},
};

static_assert(API_WAIT_MAX == 60, "the rule for wait tells the limit");

struct route {
        bool is_named; /* PATH is what follows "/v1/tokens/NAME" */
        const char *path;
        const char *method;
        enum api_route route;
        enum api_format format;
        bool has_choice;     /* of its format, by Accept */
        bool is_grant;       /* a client-credentials request, RFC 6749 4.4.2 */
        unsigned parameters; /* a bit for each that it takes */
        const char *takes;   /* their names */
};

#define TOKEN_TAKES                                                                                \
        .parameters = 1U << AFTER | 1U << MIN_VALID | 1U << WAIT,                                  \
        .takes = "after, min_valid and wait"

static const struct route routes[] = {
        {true, "", "GET", API_TOKEN, API_JSON, .has_choice = true, TOKEN_TAKES},
        {true, "/header", "GET", API_TOKEN, API_HEADER, TOKEN_TAKES},
        {false, "/v1/token", "GET", API_TOKEN, API_JSON, .has_choice = true, TOKEN_TAKES},
        {false, "/v1/token/header", "GET", API_TOKEN, API_HEADER, TOKEN_TAKES},
        {false, "/v1/tokens", "GET", API_TOKENS, API_JSON, .takes = "none"},
        {false, "/oauth2/v1/token", "POST", API_TOKEN, API_JSON, .is_grant = true,
         .parameters = 1U << WAIT, .takes = "wait"},
};

/* NULL: there is no such path. *RET_NAME is what stands for a name in it, if anything does. */
static const struct route *find_route(struct slice path, struct slice *ret_name) {
        const struct slice prefix = SLICE("/v1/tokens/");
        bool is_named = path.size >= prefix.size && !memcmp(path.data, prefix.data, prefix.size);
        struct slice name = {0};

        if (is_named) {
                const char *slash;

                path = (struct slice){path.data + prefix.size, path.size - prefix.size};
                slash = path.size > 0 ? memchr(path.data, '/', path.size) : NULL;
                name = (struct slice){path.data, slash ? (size_t)(slash - path.data) : path.size};
                path = (struct slice){path.data + name.size, path.size - name.size};
        }
        for (size_t i = 0; i < LENGTH(routes); i++) {
                if (routes[i].is_named == is_named && slice_is(path, routes[i].path)) {
                        *ret_name = name;
                        return &routes[i];
                }
        }
        return NULL;
}

/* The route, with its name in *REQUEST; NULL: *ret_error says why not. */
static const struct route *read_route(const struct http1_request *http, struct api_request *request,
                                      struct api_error *ret_error) {
        struct slice name = {0};
        const struct route *route = find_route(http->path, &name);
        char text[EXCERPT_SIZE];

        if (!route) {
                refuse(ret_error, 404, "not_found",
                       "there is no \"%s\" here, but /v1/token, /v1/tokens, /v1/tokens/NAME and "
                       "/oauth2/v1/token",
                       excerpt(http->path, text));
                return NULL;
        }
        if (route->is_named && !token_name_is_valid(name)) {
                refuse(ret_error, 404, "not_found",
                       "\"%s\" is no name of a token: that is up to 32 of a-z, 0-9, \"_\" and "
                       "\"-\", and starts with a letter or digit",
                       excerpt(name, text));
                return NULL;
        }
        if (!slice_is(http->method, route->method)) {
                refuse(ret_error, 405, "method_not_allowed", "this path is for %s alone",
                       route->method);
                ret_error->allow = route->method;
                return NULL;
        }
        if (route->is_named)
                memcpy(request->name, name.data, name.size);
        return route;
}

static_assert(TOKEN_NAME_MAX == 32, "read_route() tells the limit");

static void set_parameter(struct api_request *request, enum parameter parameter, uint64_t value) {
        switch (parameter) {
        case AFTER:
                request->after = value;
                return;
        case MIN_VALID:
                request->min_valid = value;
                return;
        case WAIT:
                request->wait = (unsigned)value;
                return;
        }
}

static int read_parameter(const struct route *route, struct slice name, struct slice value,
                          unsigned *seen, struct api_request *request,
                          struct api_error *ret_error) {
        char text[EXCERPT_SIZE];
        uint64_t number;
        size_t i;

        for (i = 0; i < LENGTH(parameters); i++)
                if ((route->parameters & 1U << i) && slice_is(name, parameters[i].name))
                        break;
        if (i == LENGTH(parameters))
                return refuse(ret_error, 400, "invalid_request",
                              "\"%s\" is no query parameter of this path; it has: %s",
                              excerpt(name, text), route->takes);
        if (*seen & 1U << i)
                return refuse(ret_error, 400, "invalid_request", "%s is there twice",
                              parameters[i].name);
        if (decimal_parse(value, parameters[i].max, &number) < 0)
                return refuse(ret_error, 400, "invalid_request", "%s", parameters[i].rule);
        *seen |= 1U << i;
        set_parameter(request, (enum parameter)i, number);
        return 0;
}

static int read_query(const struct route *route, struct slice query, struct api_request *request,
                      struct api_error *ret_error) {
        struct slice name, value;
        unsigned seen = 0;

        while (form_next(&query, &name, &value)) {
                int r = read_parameter(route, name, value, &seen, request, ret_error);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The first one that is known decides; weights are not looked at. */
static enum api_format read_accept(struct slice accept) {
        static const char *const json[] = {"*/*", "application/json", "application/*"};
        struct slice range;

        while (slice_cut(&accept, ',', &range)) {
                range = http1_media_type(range);
                if (slice_is_nocase(range, "text/plain"))
                        return API_PLAIN;
                for (size_t i = 0; i < LENGTH(json); i++)
                        if (slice_is_nocase(range, json[i]))
                                return API_JSON;
        }
        return API_JSON;
}

int api_request_parse(const struct http1_request *http, struct api_request *ret_request,
                      struct api_error *ret_error) {
        struct api_request request = {.wait = API_WAIT_DEFAULT};
        const struct route *route;
        const char *error, *why;
        int r;

        route = read_route(http, &request, ret_error);
        if (!route)
                return -EBADMSG;
        r = read_query(route, http->query, &request, ret_error);
        if (r < 0)
                return r;
        request.route = route->route;
        request.format = route->has_choice ? read_accept(http->accept) : route->format;
        if (route->is_grant) {
                if (grant_parse(http, request.name, &error, &why) < 0)
                        return refuse(ret_error, 400, error, "%s", why);
                request.name_is_hint = request.name[0] != 0;
        }
        *ret_request = request;
        return 0;
}

/* What the head of an answer depends on, but for the size of its body. */
struct answer {
        int status;
        const char *content_type;
        uint64_t retry_after;
        const char *allow;
        enum http1_keep_alive keep_alive;
};

#define JSON_TYPE  "application/json"
#define PLAIN_TYPE "text/plain; charset=utf-8"

/* Puts the head before the body that stands in OUT from START on: it tells the body's size. So a
 * body is built where it belongs, and no token in a second buffer. */
static void put_head(struct buffer *out, size_t start, const struct answer *answer) {
        size_t body_size = out->size - start, head_size;
        char head[512];

        http1_head_render(out, answer->status, answer->content_type, body_size, answer->retry_after,
                          answer->allow, answer->keep_alive);
        if (buffer_error(out) < 0)
                return;
        head_size = out->size - start - body_size;
        assert(head_size <= sizeof head);
        memcpy(head, out->data + start + body_size, head_size);
        memmove(out->data + start + head_size, out->data + start, body_size);
        memcpy(out->data + start, head, head_size);
}

/* RFC 6749 5.1, and what else a worker wants to know. */
static void write_token(struct buffer *out, const struct api_token *token) {
        struct json_writer json = {out};

        json_begin(&json, NULL, '{');
        json_plain_string(&json, "access_token", token->access_token);
        json_plain_string(&json, "token_type", SLICE("Bearer"));
        json_integer(&json, "expires_in", token->expires_in);
        if (token->scope[0])
                json_string(&json, "scope", slice_of(token->scope));
        json_plain_string(&json, "name", slice_of(token->name));
        json_integer(&json, "generation", token->generation);
        json_integer(&json, "expires_at", token->expires_at);
        if (token->practice_id[0])
                json_string(&json, "practice_id", slice_of(token->practice_id));
        json_end(&json, '}');
}

void api_token_render(struct buffer *out, const struct api_token *token, enum api_format format,
                      enum http1_keep_alive keep_alive) {
        struct answer answer = {200, PLAIN_TYPE, .keep_alive = keep_alive};
        size_t start = out->size;

        switch (format) {
        case API_JSON:
                answer.content_type = JSON_TYPE;
                write_token(out, token);
                break;
        case API_HEADER:
                buffer_append_text(out, "Authorization: Bearer ");
                buffer_append_slice(out, token->access_token);
                buffer_append_char(out, '\n');
                break;
        case API_PLAIN:
                buffer_append_slice(out, token->access_token);
                buffer_append_char(out, '\n');
                break;
        }
        put_head(out, start, &answer);
}

static void write_known(struct json_writer *json, const char *key, uint64_t value) {
        if (value != UINT64_MAX)
                json_integer(json, key, value);
}

static void write_text(struct json_writer *json, const char *key, const char *text) {
        if (text && text[0])
                json_string(json, key, slice_of(text));
}

static void write_last_error(struct json_writer *json, const struct api_token_status *token) {
        json_begin(json, "last_error", '{');
        write_text(json, "kind", token->last_error);
        write_known(json, "age", token->last_error_age);
        if (token->upstream_status)
                json_integer(json, "upstream_status", (uint64_t)token->upstream_status);
        write_text(json, "upstream_error", token->upstream_error);
        write_text(json, "message", token->message);
        json_end(json, '}');
}

static void write_status(struct json_writer *json, const struct api_token_status *token) {
        json_begin(json, NULL, '{');
        json_string(json, "name", slice_of(token->name));
        json_boolean(json, "is_default", token->is_default);
        json_boolean(json, "valid", token->valid);
        write_known(json, "generation", token->generation);
        write_known(json, "expires_in", token->expires_in);
        write_known(json, "expires_at", token->expires_at);
        write_known(json, "served_for", token->served_for);
        json_boolean(json, "fetching", token->fetching);
        write_known(json, "next_attempt", token->next_attempt);
        write_text(json, "scope", token->scope);
        write_text(json, "practice_id", token->practice_id);
        write_known(json, "waiting", token->waiting);
        write_known(json, "renewals", token->renewals);
        write_known(json, "failures", token->failures);
        if (token->last_error[0])
                write_last_error(json, token);
        json_end(json, '}');
}

void api_tokens_render(struct buffer *out, const struct api_token_status *tokens, size_t n,
                       enum http1_keep_alive keep_alive) {
        struct json_writer json = {out};
        size_t start = out->size;

        json_begin(&json, NULL, '{');
        json_begin(&json, "tokens", '[');
        for (size_t i = 0; i < n; i++)
                write_status(&json, &tokens[i]);
        json_end(&json, ']');
        json_end(&json, '}');
        put_head(out, start, &(struct answer){200, JSON_TYPE, .keep_alive = keep_alive});
}

/* RFC 6749 5.2, and what the endpoint said. */
void api_error_render(struct buffer *out, const struct api_error *error,
                      enum http1_keep_alive keep_alive) {
        struct json_writer json = {out};
        size_t start = out->size;

        json_begin(&json, NULL, '{');
        json_string(&json, "error", slice_of(error->error));
        json_string(&json, "error_description", slice_of(error->description));
        if (error->upstream_status)
                json_integer(&json, "upstream_status", (uint64_t)error->upstream_status);
        write_text(&json, "upstream_error", error->upstream_error);
        json_end(&json, '}');
        put_head(out, start,
                 &(struct answer){error->status, JSON_TYPE, error->retry_after, error->allow,
                                  keep_alive});
}
