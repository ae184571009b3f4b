/* SPDX-License-Identifier: MIT */
/* bearer - the handle: from a call of bearer.h to a request, and from its answer to a result.
 *
 * Owns the pool of connections, and what is watched. A call is one round trip, but for a token that
 * this thread keeps on its shelf. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "bearer.h"
#include "client/address.h"
#include "client/pool.h"
#include "client/result.h"
#include "client/shelf.h"
#include "client/token.h"
#include "client/watch.h"
#include "core/name.h"
#include "wire/api.h"
#include "wire/http1.h"

#define REQUEST_MAX    ((size_t)1024)
#define WAIT_DEFAULT   (API_WAIT_DEFAULT * NSEC_PER_SEC)
#define ANSWER_GRACE   (1 * NSEC_PER_SEC) /* for the answer, where the timeout is ours to choose */
#define ANSWER_AT_ONCE (250 * NSEC_PER_MSEC) /* for the answer, where nothing is waited for */

struct bearer {
        uint64_t id; /* no other handle of the process has it, ever */
        struct pool pool;
        struct watch *watches; /* of the one thread that uses them */
};

/* What one call asks for. */
struct question {
        const char *name;  /* NULL: the default one */
        uint64_t after;    /* generation; 0: any */
        unsigned wait;     /* seconds that bearerd may wait */
        uint64_t deadline; /* clock_now() time at which the call ends */
};

/* Those that a process before a fork has made are its own, and go on there. */
static void end_watches(struct bearer *bearer, bool only_foreign) {
        uint64_t incarnation = incarnation_current(&bearer->pool.incarnation);
        struct watch **link = &bearer->watches;

        while (*link) {
                struct watch *watch = *link;

                if (watch->incarnation == incarnation && only_foreign) {
                        link = &watch->next;
                        continue;
                }
                *link = watch->next;
                if (watch->incarnation == incarnation)
                        watch_free(watch);
                else
                        watch_disown(watch);
        }
}

struct bearer *bearer_close(struct bearer *bearer) {
        if (bearer) {
                shelf_clear(bearer->id);
                end_watches(bearer, false);
                pool_deinit(&bearer->pool);
                free(bearer);
        }
        return NULL;
}

int bearer_open(const char *socket, struct bearer **ret_bearer) {
        static _Atomic uint64_t last_id;
        struct sockaddr_un address;
        struct bearer *bearer;
        int r;

        if (!ret_bearer)
                return -EINVAL;
        r = address_resolve(socket, &address);
        if (r < 0)
                return r;
        bearer = malloc(sizeof *bearer);
        if (!bearer)
                return -ENOMEM;
        r = pool_init(&bearer->pool, &address, API_ANSWER_MAX);
        if (r < 0) {
                free(bearer);
                return r;
        }
        bearer->id = atomic_fetch_add(&last_id, 1) + 1;
        bearer->watches = NULL;
        *ret_bearer = bearer;
        return 0;
}

/* Reads what the caller gave. bearerd counts whole seconds: the deadline that is kept is ours. */
static int question_init(const char *name, uint64_t after, int timeout_ms,
                         struct question *ret_question) {
        uint64_t wait = WAIT_DEFAULT, grace = 0;

        if (timeout_ms < -1)
                return -EINVAL;
        if (name && !token_name_is_valid(slice_of(name)))
                return BEARER_E_INVALID;
        if (timeout_ms >= 0)
                wait = (uint64_t)timeout_ms * NSEC_PER_MSEC;
        if (timeout_ms < 0)
                grace = ANSWER_GRACE;
        else if (timeout_ms == 0)
                grace = ANSWER_AT_ONCE;
        *ret_question = (struct question){
                .name = name,
                .after = after,
                .wait = (unsigned)time_min(time_seconds_up(wait), API_WAIT_MAX),
                .deadline = clock_now() + wait + grace,
        };
        return 0;
}

static void question_render(struct buffer *out, const struct question *question) {
        _cleanup_(buffer_deinit) struct buffer target = BUFFER_INIT(REQUEST_MAX / 2);

        buffer_append_text(&target, question->name ? "/v1/tokens/" : "/v1/token");
        if (question->name)
                buffer_append_text(&target, question->name);
        buffer_printf(&target, "?wait=%u", question->wait);
        if (question->after > 0)
                buffer_printf(&target, "&after=%" PRIu64, question->after);
        buffer_append_char(&target, 0);
        if (buffer_error(&target) == 0)
                http1_request_render(out, "GET", target.data, NULL);
        else
                out->error = buffer_error(&target);
}

/* The token that was asked for, and none that was asked not to come. */
static bool is_answer_to(const struct bearer_token *token, const struct question *question) {
        if (question->name && strcmp(bearer_token_name(token), question->name) != 0)
                return false;
        return bearer_token_generation(token) != question->after;
}

static int read_answer(const struct http1_response *response, const struct question *question,
                       struct bearer_token **ret_token, struct token_offer *ret_offer) {
        struct bearer_token *token;
        int r;

        if (response->status != 200)
                return result_of_refusal(response);
        r = token_parse(response->body, clock_now(), &token, ret_offer);
        if (r < 0)
                return result_of_error(r);
        if (!is_answer_to(token, question)) {
                bearer_token_unref(token);
                return BEARER_E_PROTOCOL;
        }
        *ret_token = token;
        return 0;
}

/* After an answer that makes no sense, the connection is not to be trusted either. */
static int ask(struct bearer *bearer, const struct question *question,
               struct bearer_token **ret_token) {
        _cleanup_(buffer_deinit) struct buffer request = BUFFER_INIT(REQUEST_MAX);
        struct connection *connection;
        struct http1_response response;
        struct token_offer offer;
        uint64_t asked_at = clock_now();
        int r;

        question_render(&request, question);
        if (buffer_error(&request) < 0)
                return buffer_error(&request);
        r = pool_ask(&bearer->pool, buffer_slice(&request), question->deadline, &connection,
                     &response);
        if (r < 0)
                return result_of_error(r);
        r = read_answer(&response, question, ret_token, &offer);
        if (r == 0)
                shelf_put(bearer->id, question->name, *ret_token, &offer, asked_at);
        pool_put(&bearer->pool, connection, response.keep_alive && r != BEARER_E_PROTOCOL);
        return r;
}

int bearer_get(struct bearer *bearer, const char *name, int timeout_ms,
               struct bearer_token **ret_token) {
        struct bearer_token *token;
        struct question question;
        int r;

        if (!bearer || !ret_token || timeout_ms < -1)
                return -EINVAL;
        token = shelf_find(bearer->id, name);
        if (token) {
                *ret_token = token;
                return 0;
        }
        r = question_init(name, 0, timeout_ms, &question);
        return r == 0 ? ask(bearer, &question, ret_token) : r;
}

int bearer_renew(struct bearer *bearer, const struct bearer_token *refused, int timeout_ms,
                 struct bearer_token **ret_token) {
        struct question question;
        int r;

        if (!bearer || !refused || !ret_token)
                return -EINVAL;
        r = question_init(bearer_token_name(refused), bearer_token_generation(refused), timeout_ms,
                          &question);
        return r == 0 ? ask(bearer, &question, ret_token) : r;
}

static struct watch *find_watch(const struct bearer *bearer, const char *name) {
        for (struct watch *watch = bearer->watches; watch; watch = watch->next)
                if (watch_is_of(watch, name))
                        return watch;
        return NULL;
}

int bearer_fd(struct bearer *bearer, const char *name, int *ret_fd) {
        struct watch *watch;
        int r;

        if (!bearer || !ret_fd)
                return -EINVAL;
        if (name && !token_name_is_valid(slice_of(name)))
                return BEARER_E_INVALID;
        end_watches(bearer, true);
        watch = find_watch(bearer, name);
        if (!watch) {
                r = watch_new(&bearer->pool.address, name, &watch);
                if (r < 0)
                        return r;
                watch->incarnation = incarnation_current(&bearer->pool.incarnation);
                watch->next = bearer->watches;
                bearer->watches = watch;
        }
        *ret_fd = watch->epoll;
        return 0;
}

int bearer_dispatch(struct bearer *bearer, const char *name, uint64_t *ret_generation) {
        struct watch *watch;
        struct event event;
        int r;

        if (!bearer || !ret_generation)
                return -EINVAL;
        watch = find_watch(bearer, name);
        if (!watch)
                return -EINVAL;
        if (watch->incarnation != incarnation_current(&bearer->pool.incarnation))
                return -ECHILD;
        r = watch_dispatch(watch, &event);
        if (r != 0)
                return r;
        if (event.kind == EVENT_IS_GONE)
                return BEARER_E_UNAVAILABLE;
        *ret_generation = event.kind == EVENT_IS_TOKEN ? event.generation : 0;
        return 0;
}

const char *bearer_strerror(int r) {
        static const char *const texts[] = {
                [0] = "done",
                [BEARER_E_DENIED] = "the token endpoint refuses the credentials or the scope",
                [BEARER_E_UNAVAILABLE] = "no token yet, and the last try for one failed",
                [BEARER_E_TIMEOUT] = "no token within the timeout",
                [BEARER_E_FRESH] = "the token was renewed just now, and is not renewed again yet",
                [BEARER_E_BUSY] = "too many requests to bearerd at once",
                [BEARER_E_FORBIDDEN] = "this user may not have the token, or there is none",
                [BEARER_E_UNKNOWN] = "no such token",
                [BEARER_E_INVALID] = "not the name of a token, or none given and no default",
                [BEARER_E_PROTOCOL] = "not an answer of bearerd",
        };
        const char *text = NULL;

        if (r < 0 && r >= -4095)
                text = strerrordesc_np(-r);
        else if (r >= 0 && (size_t)r < sizeof texts / sizeof *texts)
                text = texts[r];
        return text ? text : "an outcome that this version does not know";
}
