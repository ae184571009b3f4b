/* SPDX-License-Identifier: MIT */
#include "operators.h"
#include "base/clock.h"
#include "io/journal.h"
#include "io/loop.h"
#include "report.h"

/* Connections of operators at once, and requests of each in a second. */
#define CONNECTIONS_MAX     16
#define REQUESTS_PER_SECOND 50

static void refresh_token(struct operators *operators, const struct connection *connection,
                          const char *name, struct buffer *out, uint64_t now) {
        struct broker *broker = operators->broker;
        struct broker_token *token = broker->is_configured ? broker_find(broker, name) : NULL;
        struct control_refresh refresh;

        if (!token) {
                report_no_token(out, broker, name, connection->keep_alive);
                return;
        }
        refresh = report_refresh(broker, token, now);
        journal_refreshed(token, &connection->peer, refresh.renewal);
        control_refresh_render(out, &refresh, connection->keep_alive);
}

static void answer(struct operators *operators, const struct control_request *control,
                   const struct connection *connection, struct buffer *out, uint64_t now) {
        const struct settings *settings = operators->settings;
        struct control_peers peers;
        struct control_status status = {
                .version = VERSION,
                .started_at = operators->started_at_unix,
                .uptime = time_until(now, operators->started_at) / NSEC_PER_SEC,
                .is_config_right = operators->is_config_right,
                .config_file = settings ? settings->file : NULL,
                .config_identity = settings ? settings->config->identity : "",
                .fetch = operators->fetch,
                .peers = &peers,
        };

        server_peers(operators->workers, &peers);
        switch (control->route) {
        case CONTROL_STATUS:
                report_status(out, operators->broker, &status, connection->keep_alive, now);
                break;
        case CONTROL_METRICS:
                report_metrics(out, operators->broker, &status, control->format,
                               connection->keep_alive, now);
                break;
        case CONTROL_REFRESH:
                refresh_token(operators, connection, control->name, out, now);
                break;
        }
}

static const struct buffer *requested(void *user, struct connection *connection,
                                      const struct http1_request *http, struct buffer *out,
                                      uint64_t now) {
        struct control_request control;
        struct api_error error;

        if (control_request_parse(http, &control, &error) < 0)
                api_error_render(out, &error, connection->keep_alive);
        else
                answer(user, &control, connection, out, now);
        return out;
}

void operators_init(struct operators *operators, struct broker *broker,
                    const struct server *workers, const char *fetch) {
        *operators = (struct operators){
                .broker = broker,
                .workers = workers,
                .fetch = fetch,
                .started_at = clock_now(),
                .started_at_unix = clock_unix() / NSEC_PER_SEC,
        };
}

int operators_start(struct operators *operators, struct loop *loop, int fd) {
        struct server_owner owner = {.user = operators, .requested = requested};
        int r = server_start(&operators->server, loop, &fd, fd < 0 ? 0 : 1, CONNECTIONS_MAX,
                             &owner);

        server_limit(&operators->server, &(struct server_limits){
                                                 .user_connections = CONNECTIONS_MAX,
                                                 .user_waiting = 0,
                                                 .user_requests_per_second = REQUESTS_PER_SECOND,
                                         });
        return r;
}
