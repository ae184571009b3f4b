/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>

#include "base/decimal.h"
#include "wire/api.h"
#include "wire/form.h"
#include "wire/grant.h"
#include "wire/route.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

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

struct api_way {
        struct route route;
        enum api_route leads_to;
        enum api_format format;
        bool has_choice;     /* of its format, by Accept */
        bool is_grant;       /* a client-credentials request, RFC 6749 4.4.2 */
        unsigned parameters; /* a bit for each that it takes */
        const char *takes;   /* their names */
};

#define TOKEN_TAKES                                                                                \
        .parameters = 1U << AFTER | 1U << MIN_VALID | 1U << WAIT,                                  \
        .takes = "after, min_valid and wait"

#define EVENTS_TAKE .parameters = 1U << AFTER, .takes = "after"

static const struct api_way ways[] = {
        {{true, "", "GET"}, API_TOKEN, API_JSON, .has_choice = true, TOKEN_TAKES},
        {{true, "/header", "GET"}, API_TOKEN, API_HEADER, TOKEN_TAKES},
        {{false, "/v1/token", "GET"}, API_TOKEN, API_JSON, .has_choice = true, TOKEN_TAKES},
        {{false, "/v1/token/header", "GET"}, API_TOKEN, API_HEADER, TOKEN_TAKES},
        {{false, "/v1/tokens", "GET"}, API_TOKENS, API_JSON, .takes = "none"},
        {{true, "/events", "GET"}, API_EVENTS, API_JSON, EVENTS_TAKE},
        {{false, "/v1/token/events", "GET"}, API_EVENTS, API_JSON, EVENTS_TAKE},
        {{false, "/oauth2/v1/token", "POST"},
         API_TOKEN,
         API_JSON,
         .is_grant = true,
         .parameters = 1U << WAIT,
         .takes = "wait"},
};

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

static int read_parameter(const struct api_way *way, struct slice name, struct slice value,
                          unsigned *seen, struct api_request *request,
                          struct api_error *ret_error) {
        char text[EXCERPT_SIZE];
        uint64_t number;
        size_t i;

        for (i = 0; i < LENGTH(parameters); i++)
                if ((way->parameters & 1U << i) && slice_is(name, parameters[i].name))
                        break;
        if (i == LENGTH(parameters))
                return api_error_set(ret_error, 400, "invalid_request",
                                     "\"%s\" is no query parameter of this path; it has: %s",
                                     excerpt(name, text), way->takes);
        if (*seen & 1U << i)
                return api_error_set(ret_error, 400, "invalid_request", "%s is there twice",
                                     parameters[i].name);
        if (decimal_parse(value, parameters[i].max, &number) < 0)
                return api_error_set(ret_error, 400, "invalid_request", "%s", parameters[i].rule);
        *seen |= 1U << i;
        set_parameter(request, (enum parameter)i, number);
        return 0;
}

static int read_query(const struct api_way *way, struct slice query, struct api_request *request,
                      struct api_error *ret_error) {
        struct slice name, value;
        unsigned seen = 0;

        while (form_next(&query, &name, &value)) {
                int r = read_parameter(way, name, value, &seen, request, ret_error);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Who comes back knows more than its URL, which is the one that it came with first. */
static int read_last_event_id(const struct http1_request *http, struct api_request *request,
                              struct api_error *ret_error) {
        if (http->last_event_id.data &&
            decimal_parse(http->last_event_id, UINT64_MAX, &request->after) < 0)
                return api_error_set(ret_error, 400, "invalid_request",
                                     "Last-Event-ID must be the id of an event, a generation");
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
        const struct api_way *way;
        const char *error, *why;
        int r;

        way = route_find(http, &ways->route, sizeof *ways, LENGTH(ways),
                         "/v1/token, /v1/tokens, /v1/tokens/NAME and /oauth2/v1/token",
                         request.name, ret_error);
        if (!way)
                return -EBADMSG;
        r = read_query(way, http->query, &request, ret_error);
        if (r == 0 && way->leads_to == API_EVENTS)
                r = read_last_event_id(http, &request, ret_error);
        if (r < 0)
                return r;
        request.route = way->leads_to;
        request.format = way->has_choice ? read_accept(http->accept) : way->format;
        if (way->is_grant) {
                if (grant_parse(http, request.name, &error, &why) < 0)
                        return api_error_set(ret_error, 400, error, "%s", why);
                request.name_is_hint = request.name[0] != 0;
        }
        *ret_request = request;
        return 0;
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
        json_integer(&json, "served_for", token->served_for);
        if (token->epoch_file && token->epoch > 0) {
                json_string(&json, "epoch_file", slice_of(token->epoch_file));
                json_integer(&json, "epoch_slot", token->epoch_slot);
                json_integer(&json, "epoch", token->epoch);
        }
        json_end(&json, '}');
}

void api_token_render(struct buffer *out, const struct api_token *token, enum api_format format,
                      enum http1_keep_alive keep_alive) {
        struct response response = {200, RESPONSE_PLAIN, .keep_alive = keep_alive};
        size_t start = out->size;

        switch (format) {
        case API_JSON:
                response.content_type = RESPONSE_JSON;
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
        response_put_head(out, start, &response);
}

static void write_text(struct json_writer *json, const char *key, const char *text) {
        if (text && text[0])
                json_string(json, key, slice_of(text));
}

static void write_last_error(struct json_writer *json, const struct api_token_status *token) {
        json_begin(json, "last_error", '{');
        write_text(json, "kind", token->last_error);
        json_known(json, "age", token->last_error_age);
        if (token->upstream_status)
                json_integer(json, "upstream_status", (uint64_t)token->upstream_status);
        write_text(json, "upstream_error", token->upstream_error);
        write_text(json, "message", token->message);
        json_end(json, '}');
}

void api_status_write(struct json_writer *json, const struct api_token_status *token) {
        json_string(json, "name", slice_of(token->name));
        json_boolean(json, "is_default", token->is_default);
        json_boolean(json, "valid", token->valid);
        json_known(json, "generation", token->generation);
        json_known(json, "expires_in", token->expires_in);
        json_known(json, "expires_at", token->expires_at);
        json_known(json, "lifetime", token->lifetime);
        json_known(json, "served_for", token->served_for);
        json_boolean(json, "fetching", token->fetching);
        json_known(json, "next_attempt", token->next_attempt);
        write_text(json, "scope", token->scope);
        write_text(json, "practice_id", token->practice_id);
        json_known(json, "waiting", token->waiting);
        json_known(json, "streams", token->streams);
        json_known(json, "renewals", token->renewals);
        json_known(json, "failures", token->failures);
        if (token->last_error[0])
                write_last_error(json, token);
}

void api_tokens_render(struct buffer *out, const struct api_token_status *tokens, size_t n,
                       enum http1_keep_alive keep_alive) {
        struct json_writer json = {out};
        size_t start = out->size;

        json_begin(&json, NULL, '{');
        json_begin(&json, "tokens", '[');
        for (size_t i = 0; i < n; i++) {
                json_begin(&json, NULL, '{');
                api_status_write(&json, &tokens[i]);
                json_end(&json, '}');
        }
        json_end(&json, ']');
        json_end(&json, '}');
        response_put_head(out, start,
                          &(struct response){200, RESPONSE_JSON, .keep_alive = keep_alive});
}
