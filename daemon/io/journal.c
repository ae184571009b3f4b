/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "io/journal.h"
#include "io/loop.h"

/* Lives under this are best effort: there is hardly time to renew. */
#define SHORT_LIFE (60 * NSEC_PER_SEC)

#define TIME_SIZE  sizeof "2026-11-23 14:03:11 UTC"

/* Wall-clock time for people, of a time of our own clock. */
static const char *wall_clock(uint64_t then, uint64_t now, char text[static TIME_SIZE]) {
        time_t unix_time = (time_t)((clock_unix() + time_until(then, now)) / NSEC_PER_SEC);
        struct tm parts;

        if (then == NEVER || !gmtime_r(&unix_time, &parts) ||
            strftime(text, TIME_SIZE, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
                strcpy(text, "later");
        return text;
}

static void begin_message(struct log_message *message, enum message_kind kind,
                          const struct broker_token *token, uint64_t now) {
        const struct lease *lease = &token->lease;

        log_begin(message, kind);
        log_field(message, "BEARERD_TOKEN", "%s", token->name);
        if (lease->generation > 0)
                log_field(message, "BEARERD_GENERATION", "%" PRIu64, lease->generation);
        if (lease_is_usable(lease, now))
                log_field(message, "BEARERD_EXPIRES_AT", "%" PRIu64,
                          (clock_unix() + time_until(lease->expires_at, now)) / NSEC_PER_SEC);
        if (!lease->is_failing)
                return;
        if (lease->failure.status > 0)
                log_field(message, "BEARERD_UPSTREAM_STATUS", "%d", lease->failure.status);
        if (lease->failure.error[0])
                log_field(message, "BEARERD_UPSTREAM_ERROR", "%s", lease->failure.error);
        log_field(message, "BEARERD_FAILURES", "%u", lease->failure.times);
}

/* What workers get meanwhile. */
static const char *served(const struct broker_token *token, uint64_t now, char *text, size_t size) {
        const struct lease *lease = &token->lease;
        char until[TIME_SIZE];

        if (lease_is_usable(lease, now))
                snprintf(text, size, "workers are served the present token until %s",
                         wall_clock(lease->floor_at, now, until));
        else if (lease->failure.kind == OUTCOME_DENIED)
                snprintf(text, size, "there is no valid token: workers are refused (502)");
        else
                snprintf(text, size, "there is no valid token: workers wait");
        return text;
}

/* What bearerd-fetch says is whole: the status, the endpoint's error, and what to do about it. */
static const char *details(const struct failure *failure, char *text, size_t size) {
        if (failure->message[0])
                snprintf(text, size, "%s", failure->message);
        else
                snprintf(text, size, "HTTP %d%s%s", failure->status, failure->error[0] ? " " : "",
                         failure->error);
        return text;
}

/* The first of a kind is told, and then ever more rarely. */
static bool is_worth_telling(unsigned times) {
        return (times & (times - 1)) == 0;
}

static void tell_failure(const struct broker *broker, const struct broker_token *token,
                         uint64_t now) {
        const struct failure *failure = &token->lease.failure;
        char what[512], meanwhile[128], next[TIME_SIZE];
        struct log_message message;

        if (!is_worth_telling(failure->times))
                return;
        wall_clock(broker_next_attempt(broker, token, now), now, next);
        details(failure, what, sizeof what);
        served(token, now, meanwhile, sizeof meanwhile);
        switch (failure->kind) {
        case OUTCOME_DENIED:
                begin_message(&message, MESSAGE_DENIED, token, now);
                log_send(&message,
                         "token %s: the token endpoint refuses (%s); next try at %s or at reload; "
                         "%s",
                         token->name, what, next, meanwhile);
                break;
        case OUTCOME_MISCONFIGURED:
                begin_message(&message, MESSAGE_MISCONFIGURED, token, now);
                log_send(&message,
                         "token %s: nothing was sent: %s; looked at again at %s and at reload; %s",
                         token->name, what, next, meanwhile);
                break;
        case OUTCOME_FAILED:
        case OUTCOME_GRANTED:
                begin_message(&message, MESSAGE_FAILED, token, now);
                log_send(&message, "token %s: no token this time (%s); next try at %s; %s",
                         token->name, what, next, meanwhile);
                break;
        }
}

static void tell_grant(const struct broker_token *token, uint64_t now) {
        const struct lease *lease = &token->lease;
        bool is_short = lease->life < SHORT_LIFE, is_first = lease->renewals == 1;
        struct log_message message;
        char until[TIME_SIZE];

        if (!is_first && !lease->has_recovered)
                return;
        begin_message(&message, is_short ? MESSAGE_SHORT_LIVED : MESSAGE_GRANTED, token, now);
        log_send(
                &message, "token %s: %s, generation %" PRIu64 ", valid until %s%s", token->name,
                lease->has_recovered ? "granted again" : "granted", lease->generation,
                wall_clock(lease->expires_at, now, until),
                is_short
                        ? "; it lives for less than a minute, so renewing it in time is best effort"
                        : "");
}

void journal_ended(const struct broker *broker, const struct broker_token *token, uint64_t now) {
        if (token->lease.is_failing)
                tell_failure(broker, token, now);
        else
                tell_grant(token, now);
}

void journal_expired(const struct broker *broker, const struct broker_token *token, uint64_t now) {
        const struct lease *lease = &token->lease;
        struct log_message message;
        char what[512], next[TIME_SIZE];

        wall_clock(broker_next_attempt(broker, token, now), now, next);
        begin_message(&message, MESSAGE_EXPIRED, token, now);
        log_send(&message, "token %s: there is no valid token any more, %s%s%s%s", token->name,
                 lease_in_flight(lease) ? "asking for one now" : "next try at ",
                 lease_in_flight(lease) ? "" : next, lease->is_failing ? "; last: " : "",
                 lease->is_failing ? details(&lease->failure, what, sizeof what) : "");
}

void journal_refreshed(const struct broker_token *token, const struct peer *peer,
                       enum control_renewal renewal) {
        static const char *const become[] = {
                [CONTROL_STARTED] = "it is asked for now",
                [CONTROL_FOLLOWS] = "it is asked for once more after the request that is under way",
                [CONTROL_LATER] = "it is asked for as soon as that is allowed",
        };
        struct log_message message;

        log_begin(&message, MESSAGE_REFRESHED);
        log_field(&message, "BEARERD_TOKEN", "%s", token->name);
        log_field(&message, "BEARERD_PEER_UID", "%u", (unsigned)peer->uid);
        log_field(&message, "BEARERD_PEER_PID", "%d", (int)peer->pid);
        log_send(&message, "token %s: uid %u (pid %d) wants a new one: %s", token->name,
                 (unsigned)peer->uid, (int)peer->pid, become[renewal]);
}

void journal_reloaded(size_t n_tokens, int error) {
        if (error == 0)
                log_line(MESSAGE_RELOADED, "configuration reloaded: %zu token(s)", n_tokens);
        else if (error == -EINVAL)
                log_line(MESSAGE_NOT_RELOADED, "the configuration is wrong: the one before stays "
                                               "in force; mend it and reload again");
        else
                log_line(MESSAGE_NOT_RELOADED,
                         "cannot reload the configuration: %s: the one before stays in force; "
                         "reload again",
                         strerror(-error));
}

void journal_strained(const char *what, int error) {
        struct log_message message;

        log_begin(&message, MESSAGE_STRAINED);
        log_field(&message, "ERRNO", "%d", -error);
        log_send(&message, "%s: %s", what, strerror(-error));
}

void journal_rush(const uid_t *uid, int room) {
        struct log_message message;
        char from[64] = "";

        log_begin(&message, MESSAGE_RUSH);
        if (uid) {
                log_field(&message, "BEARERD_PEER_UID", "%u", (unsigned)*uid);
                snprintf(from, sizeof from, ", most of them from uid %u", (unsigned)*uid);
        }
        log_send(&message,
                 "connections come faster than they can be accepted%s; until that ends about %d "
                 "can wait, and more are refused (EAGAIN), or wait to be let in",
                 from, room);
}

void journal_unconfigured(void) {
        log_line(MESSAGE_UNCONFIGURED, "the configuration is wrong: workers get no token (503) "
                                       "until it is mended; then: systemctl reload bearerd");
}

void journal_unconfigured_status(const char *first, size_t n_errors, char *ret_text, size_t size) {
        char more[64] = "";

        if (n_errors > 1)
                snprintf(more, sizeof more, " (and %zu more)", n_errors - 1);
        snprintf(ret_text, size,
                 "no token is served, the configuration is wrong: mend it, then systemctl reload "
                 "bearerd: %s%s",
                 first, more);
}

void journal_dropped(const char *why) {
        log_line(MESSAGE_DROPPED,
                 "what was kept over the restart is dropped: %s; new tokens are asked for", why);
}

void journal_not_kept(const char *why) {
        log_line(MESSAGE_NOT_KEPT,
                 "tokens cannot be kept over a restart: %s; after one, new ones are asked for",
                 why);
}

void journal_not_published(const char *path, const char *why) {
        log_line(MESSAGE_NOT_PUBLISHED,
                 "cannot publish epochs at %s: %s; workers keep no token, but ask each time", path,
                 why);
}

/* ---- credentials of units ---- */

static const char *why_forbidden(const struct broker_token *token) {
        if (!token)
                return "there is no such token any more";
        if (token->policy.n_users > 0 || token->policy.n_groups > 0)
                return "it has allow_users or allow_groups, and a unit that is to be started is "
                       "neither; use allow_units alone";
        return "its allow_units does not name this unit";
}

static const char *why_refused(const struct reply *reply) {
        switch (reply->kind) {
        case REPLY_WAIT:
                return "bearerd is ending";
        case REPLY_TOKEN:
                return "the connection did not take it";
        case REPLY_UNCONFIGURED:
                return "the configuration is wrong, and there are no tokens";
        case REPLY_AMBIGUOUS:
        case REPLY_UNKNOWN:
                return "no token is called so, and there is no default token";
        case REPLY_FORBIDDEN:
                return why_forbidden(reply->token);
        case REPLY_DENIED:
                return "there is none, and the token endpoint refuses";
        case REPLY_PAUSED:
        case REPLY_CROWDED:
        case REPLY_UNAVAILABLE:
                return "there is none, and the last request for one has failed";
        case REPLY_TIMEOUT:
                return "it did not come in time";
        }
        return "";
}

void journal_credential_refused(const char *unit, const char *id, const struct reply *reply) {
        const char *name = reply->token ? reply->token->name : "";
        struct log_message message;

        log_begin(&message, MESSAGE_UNIT_REFUSED);
        log_field(&message, "BEARERD_UNIT", "%s", unit);
        log_field(&message, "BEARERD_CREDENTIAL", "%s", id);
        if (reply->token)
                log_field(&message, "BEARERD_TOKEN", "%s", name);
        log_send(&message, "unit %s gets no credential %s, and does not start: %s%s%s%s", unit, id,
                 name[0] ? "token " : "", name, name[0] ? ": " : "", why_refused(reply));
}

void journal_credential_without_unit(void) {
        log_line(MESSAGE_UNIT_UNKNOWN,
                 "root has asked for a credential from an address that names no unit: "
                 "refused; only systemd asks there, for LoadCredential=");
}

/* ---- the audit ---- */

/* "uid 1001, unit worker.service (pid 4711 when it connected, calls itself "python3")", of which
 * what the peer can choose is last, and has no quote in it. */
#define PEER_TEXT_SIZE 512

static void add_fields(struct log_message *message, const struct journal_peer *peer) {
        if (!peer->is_unit)
                log_field(message, "BEARERD_PEER_UID", "%jd", (intmax_t)peer->uid);
        if (peer->unit[0])
                log_field(message, "BEARERD_PEER_UNIT", "%s", peer->unit);
        if (peer->pid > 0)
                log_field(message, "BEARERD_PEER_PID", "%jd", (intmax_t)peer->pid);
        if (peer->comm[0])
                log_field(message, "BEARERD_PEER_COMM", "%s", peer->comm);
}

static const char *process_text(const struct journal_peer *peer, char *text, size_t size) {
        text[0] = 0;
        if (peer->pid > 0 && peer->comm[0])
                snprintf(text, size, " (pid %jd when it connected, calls itself \"%s\")",
                         (intmax_t)peer->pid, peer->comm);
        else if (peer->pid > 0)
                snprintf(text, size, " (pid %jd when it connected)", (intmax_t)peer->pid);
        return text;
}

static const char *peer_text(const struct journal_peer *peer, char text[static PEER_TEXT_SIZE]) {
        char user[32] = "", process[96];

        if (!peer->is_unit)
                snprintf(user, sizeof user, "uid %jd%s", (intmax_t)peer->uid,
                         peer->unit[0] ? ", " : "");
        snprintf(text, PEER_TEXT_SIZE, "%s%s%s%s", user, peer->unit[0] ? "unit " : "", peer->unit,
                 process_text(peer, process, sizeof process));
        return text;
}

void journal_given(const struct journal_peer *peer, const struct broker_token *token) {
        uint64_t generation = token->lease.generation;
        struct log_message message;
        char who[PEER_TEXT_SIZE];

        log_begin(&message, MESSAGE_AUDIT_GIVEN);
        log_field(&message, "BEARERD_TOKEN", "%s", token->name);
        log_field(&message, "BEARERD_GENERATION", "%" PRIu64, generation);
        add_fields(&message, peer);
        log_send(&message, "token %s: generation %" PRIu64 " is given to %s", token->name,
                 generation, peer_text(peer, who));
}

static const struct {
        const char *list, *text;
} forbidden_by[] = {
        [POLICY_ALLOWS] = {"", ""},
        [POLICY_FORBIDS_USER] = {"allow_users", " by allow_users"},
        [POLICY_FORBIDS_GROUP] = {"allow_groups", " by allow_groups"},
        [POLICY_NEEDS_GROUPS] = {"allow_groups", " by allow_groups: it is in more groups than are "
                                                 "looked at"},
        [POLICY_FORBIDS_UNIT] = {"allow_units", " by allow_units"},
        [POLICY_NEEDS_UNIT] = {"allow_units", " by allow_units: its unit cannot be told, or it is "
                                              "in none"},
};

void journal_refused(const struct journal_peer *peer, const char *name, const char *error,
                     enum policy_verdict verdict) {
        struct log_message message;
        char who[PEER_TEXT_SIZE];

        log_begin(&message, MESSAGE_AUDIT_REFUSED);
        if (name[0])
                log_field(&message, "BEARERD_TOKEN", "%s", name);
        log_field(&message, "BEARERD_REFUSAL", "%s", error);
        if (verdict != POLICY_ALLOWS)
                log_field(&message, "BEARERD_REFUSED_BY", "%s", forbidden_by[verdict].list);
        add_fields(&message, peer);
        log_send(&message, "%s%s%srefused to %s: %s%s", name[0] ? "token " : "", name,
                 name[0] ? ": " : "", peer_text(peer, who), error, forbidden_by[verdict].text);
}

void journal_left_out(const struct audit_left_out *left_out) {
        const struct journal_peer peer = {
                .uid = left_out->uid, .unit = left_out->unit, .is_unit = left_out->is_unit};
        const char *what = left_out->kind == AUDIT_GIVEN ? "given" : "refused";
        struct log_message message;
        char who[PEER_TEXT_SIZE];

        log_begin(&message, MESSAGE_AUDIT_LEFT_OUT);
        log_field(&message, "BEARERD_LEFT_OUT", "%" PRIu64, left_out->n);
        log_field(&message, "BEARERD_LEFT_OUT_OF", "%s", what);
        add_fields(&message, &peer);
        log_send(&message, "%" PRIu64 " more record(s) of what was %s to %s were left out",
                 left_out->n, what, peer_text(&peer, who));
}

/* ---- the status line ---- */

/* One token, as briefly as it can be said. */
static int brief(const struct broker *broker, const struct broker_token *token, uint64_t now,
                 char *text, size_t size) {
        const struct lease *lease = &token->lease;
        char until[TIME_SIZE], next[TIME_SIZE], what[512];

        wall_clock(lease->expires_at, now, until);
        wall_clock(broker_next_attempt(broker, token, now), now, next);
        details(&lease->failure, what, sizeof what);
        return snprintf(text, size, "%s: %s%s, %s%s%s%s", token->name,
                        lease_is_usable(lease, now) ? "valid until " : "no valid token",
                        lease_is_usable(lease, now) ? until : "",
                        lease_in_flight(lease) ? "asking for one now"
                        : lease->is_failing    ? "next try at "
                                               : "next renewal at ",
                        lease_in_flight(lease) ? "" : next, lease->is_failing ? "; last: " : "",
                        lease->is_failing ? what : "");
}

/* What is wrong comes first, should there be no room for all. */
void journal_status(const struct broker *broker, uint64_t now, char *ret_text, size_t size) {
        size_t used = 0;

        assert(size > 0);
        ret_text[0] = 0;
        for (int pass = 0; pass < 2; pass++) {
                for (size_t i = 0; i < broker->n_tokens; i++) {
                        const struct broker_token *token = broker->tokens[i];
                        int length;

                        if (token->lease.is_failing != (pass == 0))
                                continue;
                        if (used > 0)
                                used += (size_t)snprintf(ret_text + used, size - used, " | ");
                        if (used >= size)
                                return;
                        length = brief(broker, token, now, ret_text + used, size - used);
                        if (length < 0 || (size_t)length >= size - used)
                                return;
                        used += (size_t)length;
                }
        }
}
