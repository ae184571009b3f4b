/* SPDX-License-Identifier: MIT */
#include "streams.h"
#include "answer.h"
#include "io/stream.h"
#include "wire/events.h"

/* It was to be a stream, and is an answer like others. */
static const struct buffer *refuse(struct trail *trail, struct connection *connection,
                                   const char *name, struct buffer *out, uint64_t now) {
        stream_close(connection);
        trail_answer(trail, connection, name, now);
        return answer_reply(out, &connection->exchange->request.reply, NULL, API_JSON,
                            connection->keep_alive, now);
}

const struct buffer *streams_ask(struct broker *broker, struct trail *trail,
                                 struct connection *connection, const struct api_request *api,
                                 struct buffer *out, uint64_t now) {
        struct reply *reply = &connection->exchange->request.reply;
        int r = stream_open(connection);

        if (r < 0) {
                out->error = r;
                return out;
        }
        *reply = broker_follow(broker, &connection->exchange->stream->follower, api->name,
                               api->after, &connection->peer, now);
        if (reply->kind != REPLY_WAIT)
                return refuse(trail, connection, api->name, out, now);
        connection->keep_alive = HTTP1_CLOSED;
        events_head_render(out);
        return out;
}

void streams_tell(struct server *server, const struct effect *effect, uint64_t now) {
        struct connection *connection = stream_of(effect->follower)->connection;

        if (effect->news == NEWS_END) {
                connection_close(connection);
                return;
        }
        answer_news(&server->answer, effect->token, effect->news, now);
        connection_send_more(connection, &server->answer, now);
}

void streams_taken(struct broker *broker, const struct connection *connection, uint64_t now) {
        broker_follower_is_ready(broker, &connection->exchange->stream->follower, now);
}

void streams_left(struct broker *broker, struct connection *connection) {
        broker_unfollow(broker, &connection->exchange->stream->follower);
        stream_close(connection);
}
