/* SPDX-License-Identifier: MIT */
/* What comes in on a connection, as a request and as a response. Beyond not crashing: the same
 * result in whatever pieces it comes; an error is an error for good; a second, naive reader finds
 * the same framing; what is rendered is read as it was. */
#include <errno.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "fuzz.h"
#include "wire/http1.h"

#define PIECES 64 /* cuts that are tried of one input */

/* What a parser said of some bytes, as a request or as a response. */
struct verdict {
        ssize_t size;
        const char *why;
        struct http1_request request;
        struct http1_response response;
};

/* Whether more may have to come behind DATA. */
static bool has_room(struct slice data, bool is_response) {
        size_t body_max = is_response ? HTTP1_ANSWER_MAX : HTTP1_BODY_MAX;

        if (data.size < HTTP1_HEAD_MAX)
                return true;
        return data.size < HTTP1_HEAD_MAX + body_max &&
               (!data.data || memmem(data.data, HTTP1_HEAD_MAX, "\r\n\r\n", 4));
}

static struct verdict parse(struct slice data, bool is_response) {
        struct verdict verdict, before;

        memset(&verdict, 0x5a, sizeof verdict);
        verdict.why = NULL;
        before = verdict;
        verdict.size = is_response ? http1_response_parse(data, &verdict.response)
                                   : http1_request_parse(data, &verdict.request, &verdict.why);
        HOLDS(verdict.size <= (ssize_t)data.size, "it takes no more than there is");
        HOLDS(verdict.size >= 0 || verdict.size == -EBADMSG, "one kind of error");
        HOLDS(verdict.size != 0 || has_room(data, is_response),
              "no more is waited for than has room");
        HOLDS((verdict.size < 0 && !is_response) == (verdict.why != NULL), "an error has its why");
        if (verdict.size <= 0)
                HOLDS(!memcmp(&verdict.request, &before.request, sizeof before.request) &&
                              !memcmp(&verdict.response, &before.response, sizeof before.response),
                      "results are written on success only");
        return verdict;
}

/* In the same place of another copy of the bytes. */
static bool is_same_part(struct slice a, const char *a_data, struct slice b, const char *b_data) {
        return a.size == b.size && (a.size == 0 || a.data - a_data == b.data - b_data ||
                                    (slice_is(a, "/") && slice_is(b, "/")));
}

static void check_same(const struct verdict *a, const char *a_data, const struct verdict *b,
                       const char *b_data, bool is_response) {
        const struct http1_request *q = &a->request, *r = &b->request;
        const struct http1_response *s = &a->response, *t = &b->response;

        HOLDS(a->size == b->size, "the same size, whatever the pieces");
        if (is_response)
                HOLDS(s->status == t->status && s->keep_alive == t->keep_alive &&
                              s->retry_after == t->retry_after &&
                              is_same_part(s->content_type, a_data, t->content_type, b_data) &&
                              is_same_part(s->body, a_data, t->body, b_data),
                      "the same response, whatever the pieces");
        else
                HOLDS(q->minor == r->minor && q->keep_alive == r->keep_alive &&
                              is_same_part(q->method, a_data, r->method, b_data) &&
                              is_same_part(q->path, a_data, r->path, b_data) &&
                              is_same_part(q->query, a_data, r->query, b_data) &&
                              is_same_part(q->accept, a_data, r->accept, b_data) &&
                              is_same_part(q->authorization, a_data, r->authorization, b_data) &&
                              is_same_part(q->content_type, a_data, r->content_type, b_data) &&
                              is_same_part(q->body, a_data, r->body, b_data),
                      "the same request, whatever the pieces");
}

/* As if no more than the first SIZE bytes had come yet. */
static void check_piece(struct slice data, size_t size, const struct verdict *whole,
                        bool is_response, bool *was_refused) {
        char *copy = copy_of(data, size);
        struct verdict part = parse((struct slice){copy, size}, is_response);

        if (whole->size > 0 && size >= (size_t)whole->size)
                check_same(&part, copy, whole, data.data, is_response);
        else
                HOLDS(part.size == 0 || (whole->size < 0 && part.size < 0),
                      "a part is no more than a part");
        if (part.size < 0 && part.why)
                HOLDS(strcmp(part.why, whole->why) == 0, "the same error, whatever the pieces");
        HOLDS(part.size < 0 || !*was_refused, "more bytes mend nothing");
        *was_refused = part.size < 0;
        free(copy);
}

static void check_pieces(struct slice data, const struct verdict *whole, bool is_response) {
        size_t step = 1 + data.size / PIECES;
        size_t first = data.size > 0 ? (unsigned char)data.data[data.size / 2] % step : 0;
        bool was_refused = false;

        for (size_t size = first; size <= data.size; size += step)
                check_piece(data, size, whole, is_response, &was_refused);
        if (whole->size > 0)
                check_piece(data, (size_t)whole->size - 1, whole, is_response, &was_refused);
}

/* The value of the header NAME in HEAD, read in the simplest way; how often it is there. */
static unsigned naive_header(struct slice head, const char *name, struct slice *ret_value) {
        size_t size = strlen(name);
        unsigned n = 0;

        for (size_t i = 0; i + size < head.size; i++) {
                struct slice line = behind(head, i);
                const char *end = memmem(line.data, line.size, "\r\n", 2);

                if (i < 2 || memcmp(head.data + i - 2, "\r\n", 2) != 0 || line.data[size] != ':' ||
                    !slice_is_nocase((struct slice){line.data, size}, name))
                        continue;
                *ret_value = slice_trim(
                        (struct slice){line.data + size + 1, (size_t)(end - line.data) - size - 1});
                n++;
        }
        return n;
}

/* Between two readers that see different ends of a message, others' requests are smuggled. */
static void check_framing(struct slice head, struct slice body) {
        struct slice length = {0}, coding;
        uint64_t expected = 0;
        unsigned n = naive_header(head, "content-length", &length);

        HOLDS(head.size <= HTTP1_HEAD_MAX, "a head is not too long");
        HOLDS(head.size >= 4 && !memcmp(head.data + head.size - 4, "\r\n\r\n", 4),
              "a head ends in an empty line");
        HOLDS(memmem(head.data + 2, head.size - 2, "\r\n\r\n", 4) == head.data + head.size - 4,
              "a head has one end");
        HOLDS(!memchr(head.data, 0, head.size), "there is no NUL in a head");
        for (size_t i = 0; i < head.size; i++)
                HOLDS((head.data[i] == '\n') == (i > 0 && head.data[i - 1] == '\r'),
                      "there is no bare CR or LF in a head");
        HOLDS(n <= 1 && naive_header(head, "transfer-encoding", &coding) == 0,
              "one way to tell the length");
        HOLDS(n == 0 || decimal_parse(length, SIZE_MAX, &expected) == 0, "a length is a number");
        HOLDS(expected == body.size, "a body is as long as its Content-Length");
}

static void check_rendered_request(const struct http1_request *request) {
        struct buffer target = BUFFER_INIT(HTTP1_HEAD_MAX), out = BUFFER_INIT(3 * HTTP1_HEAD_MAX);
        char *method = string_of(request->method, SIZE_MAX);
        char *accept = request->accept.data ? string_of(request->accept, SIZE_MAX) : NULL;
        struct verdict again;

        buffer_append_slice(&target, request->path);
        if (request->query.data)
                buffer_append_char(&target, '?');
        buffer_append_slice(&target, request->query);
        buffer_append_char(&target, 0);
        http1_request_render(&out, method, target.data, accept);
        HOLDS(buffer_error(&target) == 0 && buffer_error(&out) == 0, "there is room");
        again = parse(buffer_slice(&out), false);
        if (out.size <= HTTP1_HEAD_MAX)
                HOLDS(again.size == (ssize_t)out.size && again.request.minor == 1 &&
                              is_same(again.request.method, request->method) &&
                              is_same(again.request.path, request->path) &&
                              is_same(again.request.query, request->query) &&
                              is_same(again.request.accept, request->accept),
                      "a request that is rendered is read as it was");
        free(method);
        free(accept);
        buffer_deinit(&target);
        buffer_deinit(&out);
}

/* The size of the first request in DATA; <= 0: there is none. */
static ssize_t check_request(struct slice data) {
        struct verdict whole = parse(data, false);
        struct slice all = {data.data, (size_t)(whole.size > 0 ? whole.size : 0)};
        struct http1_request *request = &whole.request;

        check_pieces(data, &whole, false);
        if (whole.size <= 0)
                return whole.size;
        HOLDS(is_within(request->method, all) && is_within(request->query, all) &&
                      is_within(request->accept, all) && is_within(request->authorization, all) &&
                      is_within(request->content_type, all) && is_within(request->body, all),
              "a result points into what was parsed");
        HOLDS(request->path.size > 0 && request->path.data[0] == '/', "a path begins with a slash");
        HOLDS(!memchr(request->path.data, '?', request->path.size), "a path has no query");
        HOLDS(is_printable(request->path) && is_printable(request->query), "a target is printable");
        HOLDS(request->body.size <= HTTP1_BODY_MAX, "a body is not too long");
        HOLDS(request->keep_alive == HTTP1_CLOSED || !slice_is(request->method, "HEAD"),
              "nothing can follow what is no answer to HEAD");
        check_framing((struct slice){all.data, all.size - request->body.size}, request->body);
        check_rendered_request(request);
        return whole.size;
}

static void check_rendered_response(const struct http1_response *response) {
        static const int statuses[] = {200, 202, 400, 403, 404, 405, 429, 500, 502, 503, 504};
        int status = statuses[response->status % 10];
        struct buffer out = BUFFER_INIT(HTTP1_ANSWER_MAX + 2 * HTTP1_HEAD_MAX);
        char *type = string_of(response->content_type, SIZE_MAX);
        struct verdict again;

        http1_head_render(&out, status, type, response->body.size, response->retry_after,
                          response->retry_after % 2 ? "GET" : NULL,
                          response->keep_alive ? HTTP1_KEPT : HTTP1_CLOSED);
        if (out.size <= HTTP1_HEAD_MAX) {
                buffer_append_slice(&out, response->body);
                HOLDS(buffer_error(&out) == 0, "there is room");
                again = parse(buffer_slice(&out), true);
                HOLDS(again.size == (ssize_t)out.size && again.response.status == status &&
                              again.response.keep_alive == response->keep_alive &&
                              again.response.retry_after == response->retry_after &&
                              is_same(again.response.content_type, response->content_type) &&
                              is_same(again.response.body, response->body),
                      "a response that is rendered is read as it was");
        }
        free(type);
        buffer_deinit(&out);
}

static void check_response(struct slice data) {
        struct verdict whole = parse(data, true);
        struct slice all = {data.data, (size_t)(whole.size > 0 ? whole.size : 0)};
        struct http1_response *response = &whole.response;

        check_pieces(data, &whole, true);
        if (whole.size <= 0)
                return;
        HOLDS(response->status >= 200 && response->status <= 599, "a status is one that ends it");
        HOLDS(is_within(response->content_type, all) && is_within(response->body, all),
              "a result points into what was parsed");
        HOLDS(response->body.size <= HTTP1_ANSWER_MAX, "a body is not too long");
        if (response->status == 204 || response->status == 304)
                HOLDS(response->body.size == 0, "there is no body");
        else
                check_framing((struct slice){all.data, all.size - response->body.size},
                              response->body);
        check_rendered_response(response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice rest = input_of(data, size);
        ssize_t n;

        check_response(rest);
        while ((n = check_request(rest)) > 0) /* pipelined ones */
                rest = behind(rest, (size_t)n);
        return 0;
}
