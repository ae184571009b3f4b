/* SPDX-License-Identifier: MIT */
#include "streams.h"
#include "answer.h"
#include "io/stream.h"
#include "wire/events.h"

/* It was to be a stream, and is an answer like others. */
static void refuse(struct trail *trail, struct connection *connection, const char *name,
                   struct buffer *out, uint64_t now) {
        stream_close(connection);
        trail_answer(trail, connection, name, now);
        answer_reply(out, &connection->request.reply, NULL, API_JSON, connection->keep_alive, now);
}

void streams_ask(struct broker *broker, struct trail *trail, struct connection *connection,
                 const struct api_request *api, struct buffer *out, uint64_t now) {
        struct reply *reply = &connection->request.reply;
        int r = stream_open(connection);

        if (r < 0) {
                out->error = r;
                return;
        }
        *reply = broker_follow(broker, &connection->stream->follower, api->name, api->after,
                               &connection->peer, now);
        if (reply->kind != REPLY_WAIT) {
                refuse(trail, connection, api->name, out, now);
                return;
        }
        connection->keep_alive = HTTP1_CLOSED;
        events_head_render(out);
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
        broker_follower_is_ready(broker, &connection->stream->follower, now);
}

void streams_left(struct broker *broker, struct connection *connection) {
        broker_unfollow(broker, &connection->stream->follower);
        stream_close(connection);
}
