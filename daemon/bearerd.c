/* SPDX-License-Identifier: MIT */
/* bearerd - the broker. What happens outside becomes an event of the core; what the core wants done
 * becomes an act of io. Nothing is decided here. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/log.h"
#include "config_file.h"
#include "config_log.h"
#include "core/broker.h"
#include "io/epoch.h"
#include "io/fetcher.h"
#include "io/journal.h"
#include "io/loop.h"
#include "io/service.h"
#include "memory.h"
#include "operators.h"
#include "options.h"
#include "settings.h"
#include "sockets.h"
#include "streams.h"
#include "trail.h"
#include "units.h"
#include "workers.h"

struct bearerd {
        struct options options;
        struct settings *settings;
        struct broker broker;
        struct loop *loop;
        struct workers workers;
        struct operators operators;
        struct units units;
        struct fetcher fetcher;
        struct service service;
        struct memory memory;
        struct epoch_file epochs;
        struct sockets sockets;
        struct trail trail;
        bool can_wait; /* for a configuration that is right: others keep the socket, and are told */
        bool has_news; /* for the status line */
};

/* ---- effects ---- */

static void send_reply(struct bearerd *bearerd, struct request *request, uint64_t now) {
        if (units_have(&bearerd->units, request))
                units_answer(&bearerd->units, request, now);
        else
                workers_answer(&bearerd->workers, request, now);
}

static void attempt_ended(struct bearerd *bearerd, uint64_t attempt, struct outcome *outcome,
                          uint64_t now);

/* What passes by itself: a full backlog, or a host that is short of something. */
static bool may_pass(int error) {
        switch (-error) {
        case EAGAIN:
        case EINTR:
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case ENOSPC:
                return true;
        default:
                return false;
        }
}

/* What cannot even be started is trouble of our own: nothing was sent. */
static void start_fetch(struct bearerd *bearerd, const struct broker_token *token, uint64_t attempt,
                        uint64_t now) {
        struct outcome outcome = {.kind = OUTCOME_MISCONFIGURED};
        int r = fetcher_start(&bearerd->fetcher, attempt, token->name);

        if (r == 0)
                return;
        if (may_pass(r))
                outcome.kind = OUTCOME_FAILED;
        snprintf(outcome.message, sizeof outcome.message, OUTCOME_UNSTARTED "%s: %s",
                 bearerd->options.fetch, strerror(-r));
        attempt_ended(bearerd, attempt, &outcome, now);
}

/* What later lives must know is written down, and what workers keep that is no longer good is
 * called in, before anything is done about it. */
static void write_down(struct bearerd *bearerd) {
        memory_keep(&bearerd->memory, &bearerd->broker);
        if (epochs_take_change(&bearerd->broker.epochs))
                epoch_file_publish(&bearerd->epochs, &bearerd->broker.epochs);
}

/* And so may change what the status says. */
static bool is_about_token(enum effect_kind kind) {
        return kind == EFFECT_FETCH || kind == EFFECT_ABANDON || kind == EFFECT_EXPIRED;
}

static void carry_out(struct bearerd *bearerd, uint64_t now) {
        write_down(bearerd);
        for (;;) {
                struct effect effect = broker_next_effect(&bearerd->broker);

                bearerd->has_news |= is_about_token(effect.kind);
                switch (effect.kind) {
                case EFFECT_NONE:
                        return;
                case EFFECT_FETCH:
                        start_fetch(bearerd, effect.token, effect.attempt, now);
                        break;
                case EFFECT_ABANDON:
                        fetcher_cancel(&bearerd->fetcher, effect.attempt);
                        if (!effect.token->removed)
                                journal_ended(&bearerd->broker, effect.token, now);
                        break;
                case EFFECT_EXPIRED:
                        journal_expired(&bearerd->broker, effect.token, now);
                        break;
                case EFFECT_REPLY:
                        send_reply(bearerd, effect.request, now);
                        break;
                case EFFECT_NEWS:
                        streams_tell(&bearerd->workers.server, &effect, now);
                        break;
                }
        }
}

/* ---- events ---- */

static void attempt_ended(struct bearerd *bearerd, uint64_t attempt, struct outcome *outcome,
                          uint64_t now) {
        const struct broker_token *token =
                broker_ended(&bearerd->broker, attempt, outcome, chance(), now);

        if (!token)
                return;
        write_down(bearerd);
        bearerd->has_news = true;
        journal_ended(&bearerd->broker, token, now);
}

static void fetched(void *user, uint64_t attempt, struct outcome *outcome, uint64_t now) {
        attempt_ended(user, attempt, outcome, now);
}

/* ---- configuration ---- */

/* That there are no tokens yet, and why. */
static void say_unconfigured(struct bearerd *bearerd, const struct config_messages *messages) {
        char status[SERVICE_STATUS_MAX + 1];

        journal_unconfigured();
        journal_unconfigured_status(config_messages_first_error(messages), messages->n_errors,
                                    status, sizeof status);
        service_say(&bearerd->service, status, clock_now());
}

/* 0; -EINVAL: it is wrong, which is said; else it could not be looked at. */
static int load_settings(struct bearerd *bearerd, struct settings **ret_settings) {
        _cleanup_(config_messages_deinit) struct config_messages messages = CONFIG_MESSAGES_INIT;
        const char *file = config_file_choose(bearerd->options.config);
        int r = settings_load(file, &messages, ret_settings);

        config_log(file, &messages);
        bearerd->operators.is_config_right = r == 0;
        if (r == -EINVAL && bearerd->can_wait && !bearerd->broker.is_configured)
                say_unconfigured(bearerd, &messages);
        return r;
}

/* From now on SETTINGS count, which are consumed. What was decided by the old ones is carried out
 * first: replies point to them. The first ones find what an earlier life has left. */
static int apply_settings(struct bearerd *bearerd, struct settings *settings, uint64_t now) {
        int r;

        carry_out(bearerd, now);
        if (!bearerd->broker.is_configured) {
                memory_recall(&bearerd->memory, &bearerd->broker, now);
                epochs_go_on(&bearerd->broker.epochs, epoch_file_last(&bearerd->epochs));
        }
        workers_seek_units(&bearerd->workers, settings);
        r = broker_configure(&bearerd->broker, settings->specs, settings->config->n_tokens, now);
        if (r < 0) {
                settings_free(settings);
                return r;
        }
        write_down(bearerd);
        settings_free(bearerd->settings);
        bearerd->settings = settings;
        bearerd->operators.settings = settings;
        workers_set(&bearerd->workers, settings);
        trail_set(&bearerd->trail, settings->config->audit);
        bearerd->fetcher.config = settings->file;
        bearerd->has_news = true;
        return 0;
}

/* The new configuration counts if it is right as a whole; else the old one does. */
static void reload(struct bearerd *bearerd, uint64_t now) {
        struct settings *settings = NULL;
        int r;

        service_reloading(&bearerd->service);
        r = load_settings(bearerd, &settings);
        if (r == 0)
                r = apply_settings(bearerd, settings, now);
        if (bearerd->broker.is_configured)
                journal_reloaded(bearerd->broker.n_tokens, r);
        else if (r != -EINVAL)
                journal_strained("cannot read the configuration, reload again", r);
        service_ready(&bearerd->service, now);
}

static void signalled(void *user, int signal, uint64_t now) {
        struct bearerd *bearerd = user;

        switch (signal) {
        case SIGHUP:
                reload(bearerd, now);
                break;
        case SIGCHLD:
                fetcher_reap(&bearerd->fetcher);
                break;
        default:
                loop_stop(bearerd->loop);
        }
}

/* Workers count by the wall clock (client/shelf), and tell of an expiry by it. */
static void clock_set(void *user, uint64_t now) {
        struct bearerd *bearerd = user;

        broker_call_in(&bearerd->broker, now);
        write_down(bearerd);
}

/* ---- the loop's turn ---- */

static void say_status(struct bearerd *bearerd, uint64_t now) {
        char status[SERVICE_STATUS_MAX + 1];

        bearerd->has_news = false;
        journal_status(&bearerd->broker, now, status, sizeof status);
        service_say(&bearerd->service, status, now);
}

static uint64_t next_deadline(struct bearerd *bearerd) {
        uint64_t deadline = time_min(broker_deadline(&bearerd->broker),
                                     server_deadline(&bearerd->workers.server));

        deadline = time_min(deadline, trail_deadline(&bearerd->trail));
        deadline = time_min(deadline, server_deadline(&bearerd->operators.server));
        return time_min(deadline, credential_socket_deadline(&bearerd->units.socket));
}

/* Some deadline has come. */
static void expire(struct bearerd *bearerd, uint64_t now) {
        if (broker_deadline(&bearerd->broker) <= now) {
                broker_expired(&bearerd->broker, chance(), now);
                carry_out(bearerd, now);
        }
        server_expired(&bearerd->operators.server, now); /* first: they share io/sweeper */
        server_expired(&bearerd->workers.server, now);
        credential_socket_expired(&bearerd->units.socket, now);
        trail_expired(&bearerd->trail, now);
}

static uint64_t prepare(void *user, uint64_t now) {
        struct bearerd *bearerd = user;
        uint64_t deadline, turn;

        server_next_turn(&bearerd->workers.server, now);
        server_next_turn(&bearerd->operators.server, now);
        if (!broker_is_quiet(&bearerd->broker)) /* before tokens of replies may be given up */
                carry_out(bearerd, now);
        deadline = next_deadline(bearerd);
        if (deadline <= now) {
                expire(bearerd, now);
                deadline = next_deadline(bearerd);
        }
        if (service_deadline(&bearerd->service) <= now)
                service_expired(&bearerd->service, loop_ticked_at(bearerd->loop), deadline <= now,
                                now);
        if (bearerd->has_news)
                say_status(bearerd, now);
        turn = time_min(server_turn_at(&bearerd->workers.server, now),
                        server_turn_at(&bearerd->operators.server, now));
        return time_min(time_min(deadline, turn), service_deadline(&bearerd->service));
}

/* ---- start and end ---- */

/* The sockets and the memory that systemd has for us. 0, or < 0: all is said. */
static int take_passed(struct bearerd *bearerd) {
        struct passed passed;
        int r = passed_init(&passed);

        if (r < 0) {
                log_errno(MESSAGE_CANNOT_LISTEN, r, "cannot tell what systemd passed");
                return r;
        }
        memory_open(&bearerd->memory, passed_take(&passed, STORE_NAME));
        r = sockets_take(&bearerd->sockets, &passed);
        passed_deinit(&passed);
        return r;
}

static int start(struct bearerd *bearerd) {
        static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0};
        struct loop_owner loop_owner = {bearerd, prepare, signalled, clock_set};
        struct fetcher_owner fetcher_owner = {bearerd, fetched};
        int r = loop_new(&loop_owner, signals, &bearerd->loop);

        if (r < 0)
                return r;
        fetcher_init(&bearerd->fetcher, bearerd->loop, bearerd->options.fetch, NULL,
                     &fetcher_owner);
        r = units_start(&bearerd->units, bearerd->loop, bearerd->sockets.credential);
        if (r < 0)
                return r;
        r = operators_start(&bearerd->operators, bearerd->loop, bearerd->sockets.control);
        if (r < 0)
                return r;
        return workers_start(&bearerd->workers, bearerd->loop, &bearerd->sockets);
}

static void stop(struct bearerd *bearerd) {
        service_stopping(&bearerd->service);
        epoch_file_close(&bearerd->epochs);
        server_shut(&bearerd->operators.server);
        server_shut(&bearerd->workers.server);
        sockets_shut(&bearerd->sockets); /* who is hung up on must not come back to this one */
        server_stop(&bearerd->operators.server, clock_now());
        server_stop(&bearerd->workers.server, clock_now());
        units_stop(&bearerd->units, clock_now());
        trail_deinit(&bearerd->trail);
        fetcher_deinit(&bearerd->fetcher);
        bearerd->loop = loop_free(bearerd->loop);
}

static int go_on(struct bearerd *bearerd) {
        service_ready(&bearerd->service, clock_now());
        if (bearerd->broker.is_configured)
                log_line(MESSAGE_SERVING, "serving %zu token(s) at %s", bearerd->broker.n_tokens,
                         bearerd->sockets.path ? bearerd->sockets.path : "the socket of systemd");
        return loop_run(bearerd->loop);
}

/* SETTINGS, which are consumed, may be NULL: then a reload brings some. */
static int run(struct bearerd *bearerd, struct settings *settings) {
        int r = start(bearerd);

        if (r < 0) {
                settings_free(settings);
                bearerd->loop = loop_free(bearerd->loop);
                return r;
        }
        if (settings)
                r = apply_settings(bearerd, settings, clock_now());
        if (r == 0)
                r = go_on(bearerd);
        stop(bearerd);
        return r;
}

/* Those that systemd has not passed. */
static int make_sockets(struct bearerd *bearerd, const struct settings *settings) {
        int r = 0;

        if (bearerd->sockets.n_token == 0)
                r = sockets_make(&bearerd->sockets, bearerd->options.socket, settings);
        if (r == 0 && bearerd->sockets.control < 0 && bearerd->options.control)
                r = sockets_make_control(&bearerd->sockets, bearerd->options.control);
        return r;
}

/* Exit statuses are those of sysexits(3). */
static int status_of_unread(int error) {
        if (error == -EINVAL)
                return EX_CONFIG;
        log_errno(MESSAGE_CANNOT_GO_ON, error, "cannot read the configuration");
        return EX_OSERR;
}

static const char *why_not_published(int error) {
        switch (-error) {
        case EINVAL:
                return "the path is not absolute";
        case EEXIST:
                return "there is something else, or another user's";
        }
        return strerror(-error);
}

/* Without it, workers are served all the same. What an earlier life has left is called in: who may
 * have what may be configured in another way. */
static void open_epochs(struct bearerd *bearerd) {
        const char *path = bearerd->options.epoch;
        int r = path ? epoch_file_open(&bearerd->epochs, path) : 0;

        if (r < 0)
                journal_not_published(path, why_not_published(r));
        epochs_go_on(&bearerd->broker.epochs, epoch_file_last(&bearerd->epochs));
        epoch_file_publish(&bearerd->epochs, &bearerd->broker.epochs);
}

static int serve(struct bearerd *bearerd) {
        struct settings *settings = NULL;
        int r;

        workers_init(&bearerd->workers, &bearerd->broker, &bearerd->trail, &bearerd->epochs);
        units_init(&bearerd->units, &bearerd->broker, &bearerd->trail);
        operators_init(&bearerd->operators, &bearerd->broker, &bearerd->workers.server,
                       bearerd->options.fetch);
        service_init(&bearerd->service, bearerd->operators.started_at);
        if (take_passed(bearerd) < 0)
                return EX_CANTCREAT;
        bearerd->can_wait = bearerd->sockets.n_token > 0 && service_is_managed();
        r = load_settings(bearerd, &settings);
        if (r < 0 && !(r == -EINVAL && bearerd->can_wait))
                return status_of_unread(r);
        if (make_sockets(bearerd, settings) < 0) {
                settings_free(settings);
                return EX_CANTCREAT;
        }
        open_epochs(bearerd);
        r = run(bearerd, settings); /* consumed */
        if (r < 0)
                log_errno(MESSAGE_CANNOT_GO_ON, r, "cannot go on");
        return r < 0 ? EX_OSERR : EX_OK;
}

static int check_config(struct bearerd *bearerd) {
        _cleanup_(cleanup_settings) struct settings *settings = NULL;

        int r = load_settings(bearerd, &settings);

        if (r < 0)
                return status_of_unread(r);
        printf("%s: %zu token(s), all good\n", settings->file ? settings->file : "environment",
               settings->config->n_tokens);
        return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int main(int argc, char **argv) {
        static struct bearerd bearerd; /* zeroed: of its tables there is no more than is used */
        int r, status;

        bearerd.sockets = SOCKETS_NONE;
        log_open("bearerd");
        r = options_parse(argc, argv, &bearerd.options);
        if (r != 0)
                return r < 0 ? EX_USAGE : EX_OK;
        r = harden_process();
        if (r < 0) {
                log_errno(MESSAGE_CANNOT_GO_ON, r, "cannot protect this process");
                return EX_OSERR;
        }
        signal(SIGPIPE, SIG_IGN);
        broker_init(&bearerd.broker);
        status = bearerd.options.check_config ? check_config(&bearerd) : serve(&bearerd);
        broker_deinit(&bearerd.broker);
        memory_close(&bearerd.memory);
        settings_free(bearerd.settings);
        sockets_shut(&bearerd.sockets);
        return status;
}
