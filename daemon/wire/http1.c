/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/decimal.h"
#include "wire/http1.h"

/* The headers that mean something here, in requests or in responses. */
enum field {
        FIELD_OTHER,
        FIELD_USUAL, /* means nothing here, and is no secret */
        FIELD_ACCEPT,
        FIELD_AUTHORIZATION,
        FIELD_CONNECTION,
        FIELD_CONTENT_LENGTH,
        FIELD_CONTENT_TYPE,
        FIELD_LAST_EVENT_ID,
        FIELD_RETRY_AFTER,
        FIELD_TRANSFER_ENCODING,
};

#define N_FIELDS (FIELD_TRANSFER_ENCODING + 1)

static const struct {
        struct slice name;
        enum field field;
} known_fields[] = {
        {SLICE_INIT("host"), FIELD_USUAL},
        {SLICE_INIT("accept"), FIELD_ACCEPT},
        {SLICE_INIT("user-agent"), FIELD_USUAL},
        {SLICE_INIT("connection"), FIELD_CONNECTION},
        {SLICE_INIT("retry-after"), FIELD_RETRY_AFTER},
        {SLICE_INIT("content-type"), FIELD_CONTENT_TYPE},
        {SLICE_INIT("authorization"), FIELD_AUTHORIZATION},
        {SLICE_INIT("last-event-id"), FIELD_LAST_EVENT_ID},
        {SLICE_INIT("content-length"), FIELD_CONTENT_LENGTH},
        {SLICE_INIT("accept-encoding"), FIELD_USUAL},
        {SLICE_INIT("transfer-encoding"), FIELD_TRANSFER_ENCODING},
};

/* clang-format off */
/* RFC 9110 5.6.2: letters, digits and !#$%&'*+-.^_`|~ make a token. */
static const bool token_bytes[256] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, /*  !"#$%&'()*+,-./ */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, /* 0123456789:;<=>? */
        0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* @ABCDEFGHIJKLMNO */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, /* PQRSTUVWXYZ[\]^_ */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, /* `abcdefghijklmno */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, /* pqrstuvwxyz{|}~  */
};
/* clang-format on */

struct head {
        struct slice values[N_FIELDS]; /* without data: not there */
        bool close;                    /* Connection: close */
        bool keep_alive;               /* Connection: keep-alive */
        bool has_other;                /* a header that is not known here */
};

/* Goes over a head line by line. */
struct reader {
        const char *at;
        const char *end;
        bool is_full; /* END is where a head must have ended */
        const char *why;
};

static struct reader reader_of(struct slice data) {
        size_t size = data.size < HTTP1_HEAD_MAX ? data.size : HTTP1_HEAD_MAX;

        return (struct reader){data.data, data.data + size, data.size >= HTTP1_HEAD_MAX, NULL};
}

static int refuse(struct reader *reader, const char *why) {
        reader->why = why;
        return -EBADMSG;
}

/* Whether one of the eight bytes at AT is below 0x20, or 0x7f: in each byte's top bit, the borrow
 * of a subtraction. Bytes from 0x80 on are text (RFC 9110 5.5, obs-text). */
static bool eight_have_control(const char *at) {
        const uint64_t ones = UINT64_MAX / 255, tops = ones << 7;
        uint64_t bytes, deletes;

        memcpy(&bytes, at, sizeof bytes);
        deletes = bytes ^ (0x7f * ones);
        return (((bytes - 0x20 * ones) & ~bytes) | ((deletes - ones) & ~deletes)) & tops;
}

/* The first control character but HTAB, or END. */
static const char *skip_text(const char *at, const char *end) {
        while (end - at >= 8 && !eight_have_control(at))
                at += 8;
        while (at < end && (((unsigned char)*at >= 0x20 && *at != 0x7f) || *at == '\t'))
                at++;
        return at;
}

/* > 0: the next line, without its CRLF; 0: more must come; -EBADMSG. */
static int read_line(struct reader *reader, struct slice *ret_line) {
        const char *stop = skip_text(reader->at, reader->end);

        if (stop == reader->end || (*stop == '\r' && stop + 1 == reader->end))
                return reader->is_full ? refuse(reader, "the head is longer than 8192 bytes") : 0;
        if (*stop != '\r')
                return refuse(reader, "a control character or bare LF in the head");
        if (stop[1] != '\n')
                return refuse(reader, "a CR without LF in the head");
        *ret_line = (struct slice){reader->at, (size_t)(stop - reader->at)};
        reader->at = stop + 2;
        return 1;
}

static_assert(HTTP1_HEAD_MAX == 8192, "read_line() tells the limit");

static size_t token_size(const char *at, const char *end) {
        const char *first = at;

        while (at < end && token_bytes[(unsigned char)*at])
                at++;
        return (size_t)(at - first);
}

static enum field field_of(struct slice name) {
        for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++)
                if (slice_equal_nocase(name, known_fields[i].name))
                        return known_fields[i].field;
        return FIELD_OTHER;
}

/* A list, RFC 9110 7.6.1; what else is in it is for proxies. */
static void read_connection(struct head *head, struct slice value) {
        struct slice option;

        while (slice_cut(&value, ',', &option)) {
                option = slice_trim(option);
                if (slice_is_nocase(option, "close"))
                        head->close = true;
                else if (slice_is_nocase(option, "keep-alive"))
                        head->keep_alive = true;
        }
}

static int keep_field(struct reader *reader, struct head *head, enum field field,
                      struct slice value) {
        switch (field) {
        case FIELD_OTHER:
                head->has_other = true;
                return 0;
        case FIELD_USUAL:
                return 0;
        case FIELD_CONNECTION:
                read_connection(head, value);
                return 0;
        case FIELD_TRANSFER_ENCODING:
                return refuse(reader, "Transfer-Encoding is not served here");
        case FIELD_ACCEPT:
                if (head->values[field].data)
                        return 0; /* it is a preference: the first one will do */
                break;
        case FIELD_AUTHORIZATION:
                if (head->values[field].data)
                        return refuse(reader, "a second Authorization");
                break;
        case FIELD_CONTENT_LENGTH:
                if (head->values[field].data)
                        return refuse(reader, "a second Content-Length"); /* RFC 9112 6.3 */
                break;
        case FIELD_CONTENT_TYPE:
                if (head->values[field].data)
                        return refuse(reader, "a second Content-Type");
                break;
        case FIELD_LAST_EVENT_ID:
                head->has_other = true; /* it may be anything, where it is not looked at */
                if (head->values[field].data)
                        return refuse(reader, "a second Last-Event-ID");
                break;
        case FIELD_RETRY_AFTER:
                if (head->values[field].data)
                        return refuse(reader, "a second Retry-After");
                break;
        }
        head->values[field] = value;
        return 0;
}

/* RFC 9112 5: name, colon, value. */
static int read_field(struct reader *reader, struct slice line, struct head *head) {
        struct slice name = {line.data, token_size(line.data, line.data + line.size)};
        struct slice value = {line.data + name.size + 1, line.size - name.size - 1};

        if (line.data[0] == ' ' || line.data[0] == '\t')
                return refuse(reader, "a folded header");
        if (name.size == 0 || name.size == line.size || name.data[name.size] != ':')
                return refuse(reader, "a header that is not \"name: value\"");
        return keep_field(reader, head, field_of(name), slice_trim(value));
}

/* > 0: all of them, and the empty line; 0: more must come; -EBADMSG. */
static int read_fields(struct reader *reader, struct head *head) {
        for (size_t n = 0;; n++) {
                struct slice line;
                int r = read_line(reader, &line);

                if (r <= 0)
                        return r;
                if (line.size == 0)
                        return 1;
                if (n == HTTP1_FIELDS_MAX)
                        return refuse(reader, "more than 64 headers");
                r = read_field(reader, line, head);
                if (r < 0)
                        return r;
        }
}

static_assert(HTTP1_FIELDS_MAX == 64, "read_fields() tells the limit");

/* RFC 9112 9.3. */
static bool head_keeps_alive(const struct head *head, int minor) {
        return !head->close && (minor == 1 || head->keep_alive);
}

/* The "HTTP/1.0" or "HTTP/1.1" at AT, eight bytes. Its minor version; -1: another one. */
static int minor_version(const char *at) {
        if (memcmp(at, "HTTP/1.", 7) != 0)
                return -1;
        return at[7] == '1' ? 1 : at[7] == '0' ? 0 : -1;
}

/* The absolute-form has a scheme and an authority before what matters: RFC 9112 3.2.2. */
static struct slice skip_authority(struct slice target) {
        const struct slice scheme = SLICE("http://");
        const char *at = target.data, *end = at + target.size;

        if (target.size < scheme.size ||
            !slice_is_nocase((struct slice){at, scheme.size}, scheme.data))
                return target;
        at += scheme.size;
        while (at < end && *at != '/' && *at != '?')
                at++;
        return (struct slice){at, (size_t)(end - at)};
}

static int read_target(struct reader *reader, struct slice target, struct http1_request *request) {
        struct slice rest = skip_authority(target);
        const char *query = memchr(rest.data, '?', rest.size);

        for (size_t i = 0; i < target.size; i++)
                if (target.data[i] <= ' ' || target.data[i] > '~')
                        return refuse(reader, "a request target with a byte that is no URL's");
        request->path = rest;
        if (query) {
                request->path.size = (size_t)(query - rest.data);
                request->query = (struct slice){query + 1, rest.size - request->path.size - 1};
        }
        if (request->path.size == 0 && rest.data != target.data)
                request->path = SLICE("/"); /* "http://host": RFC 9110 4.2.3 */
        if (request->path.size == 0 || request->path.data[0] != '/')
                return refuse(reader, "a request target that does not start with \"/\"");
        return 0;
}

/* RFC 9112 3: method, target, version, one space between them. */
static int read_request_line(struct reader *reader, struct slice line,
                             struct http1_request *request) {
        const size_t tail = strlen(" HTTP/1.1");
        const char *end = line.data + line.size;
        struct slice target;

        request->method = (struct slice){line.data, token_size(line.data, end)};
        if (request->method.size == 0 || request->method.size == line.size ||
            line.data[request->method.size] != ' ')
                return refuse(reader, "no HTTP request line");
        target.data = line.data + request->method.size + 1;
        if ((size_t)(end - target.data) < tail || end[-(ssize_t)tail] != ' ')
                return refuse(reader, "only HTTP/1.0 and HTTP/1.1 are served here");
        request->minor = minor_version(end - tail + 1);
        if (request->minor < 0)
                return refuse(reader, "only HTTP/1.0 and HTTP/1.1 are served here");
        target.size = (size_t)(end - target.data) - tail;
        return read_target(reader, target, request);
}

/* > 0: the size of the head; 0: more must come; -EBADMSG. */
static ssize_t read_request_head(struct reader *reader, struct head *head,
                                 struct http1_request *request) {
        const char *first = reader->at;
        struct slice line;
        int r;

        r = read_line(reader, &line);
        if (r > 0 && line.size == 0)
                r = read_line(reader, &line); /* one empty line is let go: RFC 9112 2.2 */
        if (r <= 0)
                return r;
        r = read_request_line(reader, line, request);
        if (r < 0)
                return r;
        r = read_fields(reader, head);
        return r <= 0 ? r : reader->at - first;
}

/* The body behind a head of HEAD_SIZE bytes, of the length that Content-Length says. > 0: the size
 * of both; 0: more must come; -EBADMSG. */
static ssize_t read_body(struct reader *reader, const struct head *head, struct slice data,
                         size_t head_size, size_t max, struct slice *ret_body) {
        uint64_t size = 0;

        if (head->values[FIELD_CONTENT_LENGTH].data &&
            decimal_parse(head->values[FIELD_CONTENT_LENGTH], max, &size) < 0)
                return refuse(reader, "Content-Length is no number, or too large");
        if (data.size - head_size < size)
                return 0;
        *ret_body = (struct slice){data.data + head_size, size};
        return (ssize_t)(head_size + size);
}

/* Nothing in it that could be somebody's secret: the authority of an absolute-form may have one. */
static bool is_plain(const struct http1_request *request, const struct head *head) {
        const char *target = request->method.data + request->method.size + 1;

        return !head->has_other && !request->authorization.data && request->body.size == 0 &&
               request->path.data == target;
}

ssize_t http1_request_parse(struct slice data, struct http1_request *ret_request,
                            const char **ret_why) {
        struct reader reader;
        struct http1_request request = {0};
        struct head head = {0};
        ssize_t size;

        if (data.size == 0)
                return 0;
        reader = reader_of(data);
        size = read_request_head(&reader, &head, &request);
        if (size > 0)
                size = read_body(&reader, &head, data, (size_t)size, HTTP1_BODY_MAX, &request.body);
        if (size < 0)
                *ret_why = reader.why;
        if (size <= 0)
                return size;
        request.accept = head.values[FIELD_ACCEPT];
        request.authorization = head.values[FIELD_AUTHORIZATION];
        request.content_type = head.values[FIELD_CONTENT_TYPE];
        request.last_event_id = head.values[FIELD_LAST_EVENT_ID];
        /* Every answer here has its body, which one to HEAD must not: no answer behind it could be
         * told from it (RFC 9110 9.3.2). */
        if (head_keeps_alive(&head, request.minor) && !slice_is(request.method, "HEAD"))
                request.keep_alive = request.minor == 0 ? HTTP1_KEPT_AND_TOLD : HTTP1_KEPT;
        request.is_plain = is_plain(&request, &head);
        request.bytes = (struct slice){data.data, (size_t)size};
        *ret_request = request;
        return size;
}

struct slice http1_media_type(struct slice value) {
        struct slice type = {0};

        slice_cut(&value, ';', &type);
        return slice_trim(type);
}

void http1_request_render(struct buffer *out, const char *method, const char *target,
                          const char *accept) {
        buffer_append_text(out, method);
        buffer_append_char(out, ' ');
        buffer_append_text(out, target);
        buffer_append_text(out, " HTTP/1.1\r\nHost: localhost\r\n");
        if (accept) {
                buffer_append_text(out, "Accept: ");
                buffer_append_text(out, accept);
                buffer_append_text(out, "\r\n");
        }
        if (strcmp(method, "POST") == 0)
                buffer_append_text(out, "Content-Length: 0\r\n"); /* RFC 9110 8.6 */
        buffer_append_text(out, "\r\n");
}

/* The same first lines for every answer. */
#define FIRST_LINES(status)                                                                        \
        SLICE_INIT("HTTP/1.1 " status "\r\nCache-Control: no-store\r\nContent-Type: ")

static struct slice first_lines(int status) {
        static const struct {
                int status;
                struct slice lines;
        } answers[] = {
                {200, FIRST_LINES("200 OK")},
                {202, FIRST_LINES("202 Accepted")},
                {400, FIRST_LINES("400 Bad Request")},
                {403, FIRST_LINES("403 Forbidden")},
                {404, FIRST_LINES("404 Not Found")},
                {405, FIRST_LINES("405 Method Not Allowed")},
                {429, FIRST_LINES("429 Too Many Requests")},
                {500, FIRST_LINES("500 Internal Server Error")},
                {502, FIRST_LINES("502 Bad Gateway")},
                {503, FIRST_LINES("503 Service Unavailable")},
                {504, FIRST_LINES("504 Gateway Timeout")},
        };

        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
                if (answers[i].status == status)
                        return answers[i].lines;
        assert(!"a status that is not given here");
        return answers[7].lines;
}

void http1_head_render(struct buffer *out, int status, const char *content_type,
                       size_t content_length, uint64_t retry_after, const char *allow,
                       enum http1_keep_alive keep_alive) {
        buffer_append_slice(out, first_lines(status));
        buffer_append_text(out, content_type);
        if (retry_after > 0) {
                buffer_append_text(out, "\r\nRetry-After: ");
                decimal_render(out, retry_after);
        }
        if (allow) {
                buffer_append_text(out, "\r\nAllow: ");
                buffer_append_text(out, allow);
        }
        switch (keep_alive) {
        case HTTP1_CLOSED:
                buffer_append_text(out, "\r\nConnection: close");
                break;
        case HTTP1_KEPT:
                break;
        case HTTP1_KEPT_AND_TOLD:
                buffer_append_text(out, "\r\nConnection: keep-alive");
                break;
        }
        buffer_append_text(out, "\r\nContent-Length: ");
        decimal_render(out, content_length);
        buffer_append_text(out, "\r\n\r\n");
}

/* RFC 9112 4: version, three digits, and a reason that means nothing. */
static int read_status_line(struct slice line, int *ret_minor, int *ret_status) {
        uint64_t status;
        int minor;

        if (line.size < strlen("HTTP/1.1 200 ") || line.data[8] != ' ' || line.data[12] != ' ')
                return -EBADMSG;
        minor = minor_version(line.data);
        if (minor < 0)
                return -EBADMSG;
        if (decimal_parse((struct slice){line.data + 9, 3}, 599, &status) < 0 || status < 200)
                return -EBADMSG;
        *ret_minor = minor;
        *ret_status = (int)status;
        return 0;
}

/* What the fields of a response say, but for the length of its body. */
static int read_response_fields(const struct head *head, int minor,
                                struct http1_response *response) {
        const struct slice *retry_after = &head->values[FIELD_RETRY_AFTER];

        if (retry_after->data &&
            decimal_parse(*retry_after, UINT64_MAX, &response->retry_after) < 0)
                return -EBADMSG;
        response->content_type = head->values[FIELD_CONTENT_TYPE];
        response->keep_alive = head_keeps_alive(head, minor);
        return 0;
}

/* > 0: the size of the head; 0: more must come; -EBADMSG. */
static ssize_t read_response_head(struct reader *reader, struct head *head,
                                  struct http1_response *response) {
        const char *first = reader->at;
        struct slice line;
        int r, minor;

        r = read_line(reader, &line);
        if (r <= 0)
                return r;
        r = read_status_line(line, &minor, &response->status);
        if (r < 0)
                return r;
        r = read_fields(reader, head);
        if (r <= 0)
                return r;
        r = read_response_fields(head, minor, response);
        return r < 0 ? r : reader->at - first;
}

/* IS_ENDLESS: what has no Content-Length goes on until the end of the connection (RFC 9112 6.3),
 * and is no error. */
static ssize_t parse_response(struct slice data, bool is_endless,
                              struct http1_response *ret_response) {
        struct reader reader;
        struct http1_response response = {0};
        struct head head = {0};
        ssize_t size;

        if (data.size == 0)
                return 0;
        reader = reader_of(data);
        size = read_response_head(&reader, &head, &response);
        if (size <= 0)
                return size;
        if (response.status == 204 || response.status == 304) {
                /* No body, whatever Content-Length says: RFC 9112 6.3. */
                response.body.data = data.data + size;
        } else if (!head.values[FIELD_CONTENT_LENGTH].data) {
                if (!is_endless)
                        return -EBADMSG;
                response.is_endless = true;
        } else {
                size = read_body(&reader, &head, data, (size_t)size, HTTP1_ANSWER_MAX,
                                 &response.body);
                if (size <= 0)
                        return size;
        }
        *ret_response = response;
        return size;
}

ssize_t http1_response_parse(struct slice data, struct http1_response *ret_response) {
        return parse_response(data, false, ret_response);
}

ssize_t http1_stream_parse(struct slice data, struct http1_response *ret_response) {
        return parse_response(data, true, ret_response);
}
