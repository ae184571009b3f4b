/* SPDX-License-Identifier: MIT */
#include "workers.h"
#include "answer.h"
#include "streams.h"
#include "wire/api.h"

/* ---- answers ---- */

static const struct buffer *render(struct workers *workers, struct buffer *out,
                                   const struct connection *connection, uint64_t now) {
        const struct answer_epochs epochs = {workers->epochs->path, &workers->broker->epochs};
        const struct exchange *exchange = connection->exchange;

        return answer_reply(out, &exchange->request.reply, &epochs, exchange->format,
                            connection->keep_alive, now);
}

void workers_answer(struct workers *workers, struct request *request, uint64_t now) {
        struct connection *connection = connection_of(request);
        const struct buffer *answer;

        trail_answer(workers->trail, connection, "", now);
        answer = render(workers, &workers->server.answer, connection, now);
        connection_answer(connection, answer, now);
}

/* ---- requests: as of struct server_owner ---- */

static const struct buffer *ask_for_token(struct workers *workers, struct connection *connection,
                                          const struct api_request *api, struct buffer *out,
                                          uint64_t now) {
        struct want want = {.after = api->after, .min_valid = api->min_valid * NSEC_PER_SEC};
        struct request *request = &connection->exchange->request;

        connection->exchange->format = api->format;
        if (broker_request(workers->broker, request, api->name, api->name_is_hint, &want, api->wait,
                           &connection->peer, now) == REPLY_WAIT)
                return NULL;
        trail_answer(workers->trail, connection, api->name, now);
        return render(workers, out, connection, now);
}

static const struct buffer *asked(void *user, struct connection *connection,
                                  const struct api_request *api, struct buffer *out, uint64_t now) {
        struct workers *workers = user;

        if (workers->has_units) {
                out->error = connection_seek_unit(connection);
                if (buffer_error(out) < 0)
                        return out;
        }
        switch (api->route) {
        case API_TOKEN:
                return ask_for_token(workers, connection, api, out, now);
        case API_TOKENS:
                answer_tokens(out, workers->broker, &connection->peer, connection->keep_alive, now);
                break;
        case API_EVENTS:
                return streams_ask(workers->broker, workers->trail, connection, api, out, now);
        }
        return out;
}

static const struct buffer *requested(void *user, struct connection *connection,
                                      const struct http1_request *http, struct buffer *out,
                                      uint64_t now) {
        struct workers *workers = user;
        struct api_request api;
        struct api_error error;

        if (api_request_parse(http, &api, &error) < 0) {
                api_error_render(out, &error, connection->keep_alive);
                return out;
        }
        wordings_keep(&workers->wordings, http, &api);
        return asked(workers, connection, &api, out, now);
}

static void left(void *user, struct connection *connection) {
        struct workers *workers = user;

        if (connection_stream(connection))
                streams_left(workers->broker, connection);
        else
                broker_cancel(workers->broker, &connection->exchange->request);
}

static void taken(void *user, const struct connection *connection, uint64_t now) {
        struct workers *workers = user;

        streams_taken(workers->broker, connection, now);
}

static void turned_away(void *user, int fd, const struct peer *peer, uint64_t now) {
        struct workers *workers = user;

        trail_turn_away(workers->trail, fd, peer, now);
}

/* ---- start, and settings ---- */

void workers_init(struct workers *workers, struct broker *broker, struct trail *trail,
                  struct epoch_file *epochs) {
        workers->broker = broker;
        workers->trail = trail;
        workers->epochs = epochs;
}

int workers_start(struct workers *workers, struct loop *loop, const struct sockets *sockets) {
        struct server_owner owner = {.user = workers,
                                     .requested = requested,
                                     .asked = asked,
                                     .wordings = &workers->wordings,
                                     .left = left,
                                     .taken = taken,
                                     .turned_away = turned_away};

        return server_start(&workers->server, loop, sockets->token, sockets->n_token, 0, &owner);
}

void workers_seek_units(struct workers *workers, const struct settings *settings) {
        if (settings->has_units)
                server_seek_units(&workers->server);
}

void workers_set(struct workers *workers, const struct settings *settings) {
        const struct config *config = settings->config;

        workers->has_units = settings->has_units;
        wordings_fit(&workers->wordings, config->n_tokens);
        server_limit(&workers->server,
                     &(struct server_limits){
                             .user_connections = config->user_connections,
                             .user_waiting = config->user_waiting,
                             .user_requests_per_second = config->user_requests_per_second,
                     });
}
