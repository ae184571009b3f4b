/* SPDX-License-Identifier: MIT */
/* What an operator may ask, as lines: method, path, query, Accept; what follows is the body. Beyond
 * not crashing: an error is one that the protocol has, and can be read; what is understood is
 * understood alike when it is written anew; a request is for one of the two sockets. And the value
 * of a label, of any bytes: it is one line, and means what it was. */
#include <errno.h>

#include "fuzz.h"
#include "wire/control.h"
#include "wire/json.h"

static void check_error(const struct api_error *error) {
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct http1_response response;
        struct json_object object;

        HOLDS((error->status == 400 && !strcmp(error->error, "invalid_request")) ||
                      (error->status == 404 && !strcmp(error->error, "not_found")) ||
                      (error->status == 405 && !strcmp(error->error, "method_not_allowed")),
              "an error is one of the protocol's");
        HOLDS((error->status == 405) == (error->allow != NULL), "405 tells what is allowed");
        HOLDS(error->description[0] && strlen(error->description) < API_DESCRIPTION_MAX &&
                      is_printable(slice_of(error->description)),
              "an error is described, whole, and can be shown");
        api_error_render(&out, error, HTTP1_KEPT);
        HOLDS(http1_response_parse(buffer_slice(&out), &response) == (ssize_t)out.size &&
                      response.status == error->status && json_parse(response.body, &object) == 0,
              "an answer can be read");
        buffer_deinit(&out);
}

static void check_rewritten(const struct control_request *request) {
        static const char *const paths[] = {
                [CONTROL_STATUS] = "/v1/status", [CONTROL_METRICS] = "/metrics"};
        struct buffer path = BUFFER_INIT(256);
        bool is_refresh = request->route == CONTROL_REFRESH;
        struct control_request again;
        struct api_error error;
        struct http1_request http;

        if (is_refresh)
                buffer_printf(&path, "/v1/tokens/%s/refresh", request->name);
        else
                buffer_append_text(&path, paths[request->route]);
        http = (struct http1_request){
                .method = is_refresh ? SLICE("POST") : SLICE("GET"),
                .path = buffer_slice(&path),
                .accept = request->format == OPENMETRICS_1_0
                                  ? SLICE("a/b, application/openmetrics-text;q=1")
                                  : SLICE("*/*"),
        };
        HOLDS(control_request_parse(&http, &again, &error) == 0 && again.route == request->route &&
                      again.format == request->format && !strcmp(again.name, request->name),
              "the same wish in other words is the same wish");
        buffer_deinit(&path);
}

static void check_request(const struct http1_request *http) {
        struct control_request request, before;
        struct api_request other;
        struct api_error error;
        int r;

        memset(&request, 0x5a, sizeof request);
        before = request;
        r = control_request_parse(http, &request, &error);
        if (r < 0) {
                HOLDS(r == -EBADMSG, "it is understood, or it is not");
                HOLDS(!memcmp(&request, &before, sizeof request),
                      "results are written on success only");
                check_error(&error);
                return;
        }
        HOLDS((request.route == CONTROL_REFRESH) == (request.name[0] != 0) &&
                      (!request.name[0] || token_name_is_valid(slice_of(request.name))),
              "a refresh, and it alone, has a name that a token may have");
        HOLDS(api_request_parse(http, &other, &error) < 0, "it is for this socket alone");
        check_rewritten(&request);
}

/* Undoes the escapes of a label's value, up to its closing quote. */
static size_t unescape(const char *text, const char *end, char *ret_value) {
        size_t size = 0;

        for (; text < end && *text != '"'; text++) {
                if (*text == '\\' && ++text < end)
                        ret_value[size++] = *text == 'n' ? '\n' : *text;
                else
                        ret_value[size++] = *text;
        }
        HOLDS(text < end, "a value has its end");
        HOLDS(!strcmp(text, "\"} 1\n"), "behind a value is what belongs there");
        return size;
}

/* What is no UTF-8 is replaced, and then twice the same. */
static void check_label(struct slice text) {
        static const struct metric metric = {"a", METRIC_GAUGE, NULL, "a"};
        struct buffer out = BUFFER_INIT(8 * text.size + 64), again = BUFFER_INIT(out.limit);
        struct openmetrics writer = {&out, OPENMETRICS_PROMETHEUS, &metric};
        char *value = strndup(text.size > 0 ? text.data : "", text.size);
        char *read = calloc(1, out.limit + 1);
        bool is_told = value[0];

        openmetrics_integer(&writer, (struct label[]){{"b", value}, {NULL, NULL}}, 1);
        buffer_append_char(&out, 0);
        HOLDS(buffer_error(&out) == 0, "a value has room");
        HOLDS(strchr(out.data, '\n') == out.data + strlen(out.data) - 1, "a sample is one line");
        if (is_told) {
                read[unescape(out.data + strlen("a{b=\""), out.data + out.size, read)] = 0;
                writer.out = &again;
                openmetrics_integer(&writer, (struct label[]){{"b", read}, {NULL, NULL}}, 1);
                buffer_append_char(&again, 0);
                HOLDS(!strcmp(out.data, again.data), "a value means what it was");
        }
        free(read);
        free(value);
        buffer_deinit(&out);
        buffer_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice rest = input_of(data, size);
        struct http1_request http = {0};

        http.method = take_line(&rest);
        http.path = take_line(&rest);
        http.query = take_line(&rest);
        http.accept = take_line(&rest);
        http.body = rest;
        check_request(&http);
        check_label(http.body);
        return 0;
}
