/* SPDX-License-Identifier: MIT */
/* What a worker may ask, as lines: method, path, query, Accept, Authorization (and Last-Event-ID),
 * Content-Type; what follows is the body. Beyond not crashing: values in their bounds; an error is
 * one that the protocol has, and can be read; a request that is written anew is understood alike,
 * and so are credentials that oauth_basic() makes. */
#include <errno.h>

#include "base/decimal.h"
#include "fuzz.h"
#include "wire/api.h"
#include "wire/form.h"
#include "wire/grant.h"
#include "wire/json.h"
#include "wire/oauth.h"

static void check_error(const struct api_error *error) {
        static const struct {
                int status;
                const char *error;
        } known[] = {
                {400, "invalid_request"},
                {400, "unsupported_grant_type"},
                {404, "not_found"},
                {405, "method_not_allowed"},
        };
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct http1_response response;
        struct json_object object;
        char text[API_DESCRIPTION_MAX + 1] = "";
        bool is_known = false;

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                is_known |= known[i].status == error->status &&
                            strcmp(known[i].error, error->error) == 0;
        HOLDS(is_known, "an error is one of the protocol's");
        HOLDS((error->status == 405) == (error->allow != NULL), "405 tells what is allowed");
        HOLDS(error->description[0] && strlen(error->description) < API_DESCRIPTION_MAX,
              "an error is described, and the description is not cut");
        HOLDS(is_printable(slice_of(error->description)), "a description can be shown");
        api_error_render(&out, error, HTTP1_KEPT);
        HOLDS(buffer_error(&out) == 0, "an answer has room");
        HOLDS(http1_response_parse(buffer_slice(&out), &response) == (ssize_t)out.size &&
                      response.status == error->status,
              "an answer can be read");
        HOLDS(json_parse(response.body, &object) == 0, "an answer is JSON");
        HOLDS(json_string_copy(json_find(&object, "error_description", JSON_STRING), text,
                               sizeof text) >= 0 &&
                      strcmp(text, error->description) == 0,
              "an answer says what it should");
        buffer_deinit(&out);
}

static bool is_same_request(const struct api_request *a, const struct api_request *b) {
        return a->route == b->route && strcmp(a->name, b->name) == 0 &&
               a->name_is_hint == b->name_is_hint && a->format == b->format &&
               a->after == b->after && a->min_valid == b->min_valid && a->wait == b->wait;
}

/* The same wish in other words. */
static void write_request(const struct api_request *request, struct buffer *path,
                          struct buffer *query, struct buffer *body) {
        if (request->name_is_hint) {
                buffer_append_text(path, "/oauth2/v1/token");
                oauth_form(body, &(struct oauth_form){.scope = "any scope"});
                buffer_printf(body, "&client_id=%s", request->name);
                buffer_printf(query, "wait=%u", request->wait);
                return;
        }
        buffer_append_text(path, request->name[0] ? "/v1/tokens/" : "/v1/token");
        buffer_append_text(path, request->name);
        if (request->route == API_EVENTS) {
                buffer_append_text(path, "/events");
                buffer_printf(query, "after=%llu", (unsigned long long)request->after);
                return;
        }
        if (request->format == API_HEADER)
                buffer_append_text(path, "/header");
        buffer_printf(query, "&&min_valid=%llu&wait=%u&after=%llu",
                      (unsigned long long)request->min_valid, request->wait,
                      (unsigned long long)request->after);
}

static void check_rewritten(const struct api_request *request) {
        struct buffer path = BUFFER_INIT(256), query = BUFFER_INIT(256), body = BUFFER_INIT(256);
        struct api_request again;
        struct api_error error;
        struct http1_request http;

        write_request(request, &path, &query, &body);
        http = (struct http1_request){
                .method = request->name_is_hint ? SLICE("POST") : SLICE("GET"),
                .path = buffer_slice(&path),
                .query = buffer_slice(&query),
                .accept = request->format == API_PLAIN ? SLICE("a/b, text/plain") : SLICE(""),
                .content_type = SLICE("application/x-www-form-urlencoded; a=b"),
                .body = buffer_slice(&body),
        };
        HOLDS(api_request_parse(&http, &again, &error) == 0 && is_same_request(request, &again),
              "the same wish in other words is the same wish");
        buffer_deinit(&path);
        buffer_deinit(&query);
        buffer_deinit(&body);
}

/* It is what an event has as its id, and matters to those who ask for events alone. */
static void check_last_event_id(struct http1_request *http) {
        struct api_request request = {0}, without = {0};
        struct api_error error;
        int r, r_without = api_request_parse(http, &without, &error);

        http->last_event_id = http->authorization;
        r = api_request_parse(http, &request, &error);
        if (r_without == 0 && without.route == API_EVENTS && http->last_event_id.data) {
                uint64_t id;

                HOLDS((r == 0) == (decimal_parse(http->last_event_id, UINT64_MAX, &id) == 0),
                      "an id is a generation");
                HOLDS(r < 0 || request.after == id, "who comes back knows that generation");
        } else {
                HOLDS(r == r_without && is_same_request(&request, &without),
                      "others take no notice of it");
        }
}

static void check_request(const struct http1_request *http) {
        struct api_request request, request_before;
        struct api_error error, error_before;
        int r;

        memset(&request, 0x5a, sizeof request);
        memset(&error, 0x5a, sizeof error);
        request_before = request;
        error_before = error;
        r = api_request_parse(http, &request, &error);
        HOLDS(r == 0 || r == -EBADMSG, "it is understood, or it is not");
        if (r < 0) {
                HOLDS(!memcmp(&request, &request_before, sizeof request),
                      "results are written on success only");
                check_error(&error);
                return;
        }
        HOLDS(!memcmp(&error, &error_before, sizeof error), "there is no error without one");
        HOLDS(request.wait <= API_WAIT_MAX && request.min_valid <= 9999999999,
              "numbers are in their bounds");
        HOLDS(!request.name[0] || token_name_is_valid(slice_of(request.name)),
              "a name is one that a token may have");
        HOLDS(request.name[0] || !request.name_is_hint, "no name is no hint");
        if (request.route != API_TOKENS &&
            !(slice_is(http->path, "/oauth2/v1/token") && !request.name_is_hint))
                check_rewritten(&request);
}

/* What is encoded is decoded to what it was. */
static void check_form(struct slice text) {
        struct buffer encoded = BUFFER_INIT(3 * text.size + 1);
        char *decoded = malloc(text.size + 1);
        struct slice name, value;

        form_encode(&encoded, text);
        HOLDS(buffer_error(&encoded) == 0, "three bytes a byte are enough");
        HOLDS(form_decode(buffer_slice(&encoded), decoded, text.size) == (ssize_t)text.size &&
                      is_same((struct slice){decoded, text.size}, text),
              "what is encoded is decoded");
        while (form_next(&text, &name, &value)) {
                ssize_t size = form_decode(value, NULL, 0);

                HOLDS(!memchr(name.data, '&', name.size) && !memchr(name.data, '=', name.size),
                      "a name ends where it ends");
                HOLDS(size < 0 || (size_t)size <= value.size, "decoding makes nothing longer");
                if (size > 0)
                        HOLDS(form_decode(value, decoded, (size_t)size - 1) == -ENOBUFS,
                              "there must be room");
        }
        free(decoded);
        buffer_deinit(&encoded);
}

/* A worker that sends Basic credentials as RFC 6749 2.3.1 has them is understood. */
static void check_basic(struct slice id, struct slice secret) {
        struct secret client_id = SECRET_INIT, client_secret = SECRET_INIT, basic = SECRET_INIT;
        struct http1_request http = {
                .body = SLICE("grant_type=client_credentials"),
                .content_type = SLICE("application/x-www-form-urlencoded"),
        };
        char name[TOKEN_NAME_MAX + 1];
        const char *error, *why;
        int r;

        HOLDS(secret_set(&client_id, id.data, id.size) == 0 &&
                      secret_set(&client_secret, secret.data, secret.size) == 0,
              "there is memory");
        r = oauth_basic(&client_id, &client_secret, CONFIG_BASIC_RFC6749, &basic);
        HOLDS(r == 0 || r == -E2BIG, "what is encoded can be sent");
        if (r == 0) {
                http.authorization = secret_slice(&basic);
                HOLDS(grant_parse(&http, name, &error, &why) == 0, "it is a grant");
                HOLDS(slice_is(id, name) || (!name[0] && !token_name_is_valid(id)),
                      "its client id is what was sent");
        }
        secret_deinit(&client_id);
        secret_deinit(&client_secret);
        secret_deinit(&basic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice rest = input_of(data, size);
        struct http1_request http = {0};

        if (size > SECRET_SIZE_MAX)
                return 0;
        http.method = take_line(&rest);
        http.path = take_line(&rest);
        http.query = take_line(&rest);
        http.accept = take_line(&rest);
        http.authorization = take_line(&rest);
        http.content_type = take_line(&rest);
        http.body = rest;
        check_request(&http);
        check_last_event_id(&http);
        check_form(http.query);
        check_form(http.body);
        check_basic(http.accept, http.body);
        return 0;
}
