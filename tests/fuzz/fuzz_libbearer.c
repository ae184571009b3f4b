/* SPDX-License-Identifier: MIT */
/* What libbearer's caller may meet at the other end of the socket: bytes that begin with "HTTP/"
 * are sent over a connection, then hung up; others are the body of a 200. Beyond not crashing: the
 * same result in whatever pieces it comes; a token is one that can be used, and is read as it was
 * if bearerd writes it. */
#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "client/connection.h"
#include "client/token.h"
#include "core/b64token.h"
#include "core/name.h"
#include "core/outcome.h"
#include "fuzz.h"
#include "wire/api.h"

#define PIECE_MAX 1024
/* What a socket takes without a reader, in pieces of a byte. */
#define PIECES 64

static void check_token(struct slice body) {
        struct bearer_token *token = NULL, *again = NULL;
        struct buffer out = BUFFER_INIT(API_ANSWER_MAX);
        struct token_offer offer = {0};
        struct http1_response response;
        int r = token_parse(body, clock_now(), &token, &offer);

        HOLDS(r == 0 || r == -EBADMSG, "it is a token, or it is not");
        HOLDS((r == 0) == (token != NULL), "results are written on success only");
        if (r < 0)
                return;
        HOLDS(is_b64token(slice_of(bearer_token_value(token))) &&
                      strlen(bearer_token_value(token)) <= SECRET_SIZE_MAX,
              "a token can go into a header");
        HOLDS(token_name_is_valid(slice_of(bearer_token_name(token))) &&
                      is_printable(slice_of(bearer_token_scope(token))) &&
                      is_printable(slice_of(bearer_token_practice_id(token))),
              "what is told of it can be shown");
        HOLDS(bearer_token_generation(token) > 0 &&
                      bearer_token_expires_in(token) <= OUTCOME_EXPIRES_IN_MAX,
              "numbers are in their bounds");
        HOLDS(offer.epoch == 0 || (offer.slot < EPOCH_SLOTS_MAX && offer.epoch_file[0] == '/' &&
                                   is_printable(slice_of(offer.epoch_file))),
              "what is offered can be looked at");
        api_token_render(&out,
                         &(struct api_token){.name = bearer_token_name(token),
                                             .access_token = slice_of(bearer_token_value(token)),
                                             .expires_in = bearer_token_expires_in(token),
                                             .expires_at = bearer_token_expires_at(token),
                                             .served_for = offer.served_for,
                                             .generation = bearer_token_generation(token),
                                             .scope = bearer_token_scope(token),
                                             .practice_id = bearer_token_practice_id(token),
                                             .epoch_file = offer.epoch_file,
                                             .epoch_slot = offer.slot,
                                             .epoch = offer.epoch},
                         API_JSON, HTTP1_KEPT);
        HOLDS(buffer_error(&out) == 0 &&
                      http1_response_parse(buffer_slice(&out), &response) == (ssize_t)out.size &&
                      token_parse(response.body, clock_now(), &again, &offer) == 0,
              "bearerd can answer so");
        HOLDS(strcmp(bearer_token_value(again), bearer_token_value(token)) == 0 &&
                      bearer_token_generation(again) == bearer_token_generation(token),
              "what bearerd answers is read as it was");
        bearer_token_unref(token);
        bearer_token_unref(again);
        buffer_deinit(&out);
}

static bool send_piece(int fd, struct slice piece) {
        return send(fd, piece.data, piece.size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)piece.size;
}

/* How an exchange ends whose peer says DATA, STEP bytes at a time, and hangs up. A packet is what
 * one recv(2) takes. */
static int exchange(struct slice data, size_t step, struct http1_response *ret_response,
                    struct connection **ret_connection) {
        struct connection *connection = calloc(1, sizeof *connection);
        int fds[2], r;

        HOLDS(connection && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                       fds) == 0,
              "there is a connection");
        *connection = (struct connection){.fd = fds[0], .in = BUFFER_INIT(API_ANSWER_MAX)};
        while (data.size > 0) {
                struct slice piece = {data.data, data.size < step ? data.size : step};

                HOLDS(send_piece(fds[1], piece), "a socket has room");
                data = behind(data, piece.size);
        }
        close(fds[1]);
        r = connection_exchange(connection, SLICE("GET / HTTP/1.1\r\n\r\n"),
                                clock_now() + 5 * NSEC_PER_SEC, ret_response);
        HOLDS(r == 0 || r == -EBADMSG || r == -ECONNRESET, "it ends, one way or another");
        *ret_connection = connection;
        return r;
}

static void check_connection(struct slice data) {
        struct http1_response whole = {0}, part = {0};
        struct connection *one, *other;
        size_t step = 1 + data.size / PIECES;
        int r, again;

        r = exchange(data, data.size < PIECE_MAX ? data.size : PIECE_MAX, &whole, &one);
        again = exchange(data, step, &part, &other);
        if (again == 0 && r == 0)
                HOLDS(part.status == whole.status && part.keep_alive == whole.keep_alive &&
                              part.retry_after == whole.retry_after &&
                              is_same(part.content_type, whole.content_type) &&
                              is_same(part.body, whole.body),
                      "the same response, whatever the pieces");
        else /* what comes behind an answer in time is an error, later it is noise */
                HOLDS(again == r || again == 0 || r == 0, "the same error, whatever the pieces");
        if (r == 0 && whole.status == 200)
                check_token(whole.body);
        HOLDS(!connection_is_quiet(one) && !connection_is_quiet(other), "an end is noticed");
        connection_free(one);
        connection_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice input = input_of(data, size);

        if (has_prefix(input, SLICE("HTTP/")))
                check_connection(input);
        else
                check_token(input);
        return 0;
}
