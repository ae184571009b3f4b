/* SPDX-License-Identifier: MIT */
#include "trail.h"
#include "answer.h"
#include "io/journal.h"
#include "io/peer.h"

void trail_set(struct trail *trail, enum config_audit mode) {
        static const enum audit_mode modes[] = {
                [CONFIG_AUDIT_NONE] = AUDIT_NONE,
                [CONFIG_AUDIT_FIRST] = AUDIT_FIRST,
                [CONFIG_AUDIT_ALL] = AUDIT_ALL,
        };

        if (trail->audit.mode == modes[mode])
                return;
        trail_expired(trail, NEVER);
        audit_init(&trail->audit, modes[mode]);
}

void trail_deinit(struct trail *trail) {
        trail_expired(trail, NEVER);
        peer_processes_deinit(&trail->processes);
}

/* Before anything was ever audited, all is zero. */
uint64_t trail_deadline(const struct trail *trail) {
        return audit_deadline(&trail->audit);
}

void trail_expired(struct trail *trail, uint64_t now) {
        struct audit_left_out left_out;

        while (audit_take_left_out(&trail->audit, now, &left_out))
                journal_left_out(&left_out);
}

/* ---- what is given ---- */

/* The usual case, in which nothing is to be done, is one comparison. No other token that is ever at
 * the same address has had the same generation: generations rise over tokens that go and come. */
static bool is_on_record(const struct trail *trail, const struct connection *connection,
                         const struct broker_token *token) {
        return trail->audit.mode == AUDIT_FIRST && connection->on_record == token &&
               connection->generation_on_record == token->lease.generation;
}

/* Who is at the other end of CONNECTION. The unit of a process is looked up the first time that it
 * comes, however often it connects: that is most of what a connection costs. */
static struct audit_peer *meet(struct trail *trail, struct connection *connection, uint64_t now) {
        uint64_t process =
                peer_processes_find(&trail->processes, connection->fd, connection->peer.pid);
        struct audit_peer *peer = NULL;

        if (process > 0)
                peer = audit_find(&trail->audit, process, connection->peer.uid);
        if (peer)
                return peer;
        (void)connection_seek_unit(connection); /* or there is a record without */
        peer = audit_meet(&trail->audit, &connection->peer, process);
        trail_expired(trail, now);
        return peer;
}

/* What a record says of WHO, at the other end of FD, whose process was PID. */
static struct journal_peer describe(int fd, const struct peer *peer, const struct audit_peer *who) {
        struct journal_peer described = {
                .uid = who->uid, .pid = peer->pid, .unit = who->unit, .is_unit = who->is_unit};

        if (!who->is_unit)
                peer_read_comm(fd, peer, described.comm);
        return described;
}

static void record_given(struct trail *trail, struct connection *connection,
                         const struct broker_token *token, uint64_t now) {
        struct audit_peer *who = meet(trail, connection, now);
        struct journal_peer peer;

        switch (audit_given(&trail->audit, who, token->name, token->lease.generation, now)) {
        case AUDIT_LEFT_OUT:
                return;
        case AUDIT_TELL:
                peer = describe(connection->fd, &connection->peer, who);
                journal_given(&peer, token);
                break;
        case AUDIT_KNOWN:
                break;
        }
        connection->on_record = token;
        connection->generation_on_record = token->lease.generation;
}

void trail_give(struct trail *trail, const struct credential_asker *asker, uint64_t now) {
        const struct broker_token *token = asker->request.reply.token;
        struct journal_peer peer;
        struct audit_peer *who;

        if (trail->audit.mode == AUDIT_NONE)
                return;
        who = audit_meet(&trail->audit, &asker->peer, 0);
        trail_expired(trail, now);
        if (audit_given(&trail->audit, who, token->name, token->lease.generation, now) !=
            AUDIT_TELL)
                return;
        peer = describe(asker->fd, &asker->peer, who);
        journal_given(&peer, token);
}

/* ---- what is refused ---- */

/* Which list it was that forbids PEER the token; that there is no such token is no list's doing. */
static enum policy_verdict judge(const struct reply *reply, const struct peer *peer) {
        if (reply->kind != REPLY_FORBIDDEN || !reply->token)
                return POLICY_ALLOWS;
        return policy_judge(&reply->token->policy, peer);
}

static void record_refused(struct trail *trail, int fd, const struct peer *peer,
                           struct audit_peer *who, const char *name, const struct reply *reply,
                           uint64_t now) {
        struct journal_peer described;

        if (audit_refused(&trail->audit, who, now) != AUDIT_TELL)
                return;
        described = describe(fd, peer, who);
        journal_refused(&described, reply->token ? reply->token->name : name,
                        answer_error(reply->kind), judge(reply, peer));
}

/* Whose user has too many is known by the user; of flooding, the unit would be looked up in vain.
 */
void trail_turn_away(struct trail *trail, int fd, const struct peer *peer, uint64_t now) {
        const struct reply crowded = {.kind = REPLY_CROWDED};
        struct audit_peer *who;

        if (trail->audit.mode == AUDIT_NONE)
                return;
        who = audit_meet(&trail->audit, peer, 0);
        trail_expired(trail, now);
        record_refused(trail, fd, peer, who, "", &crowded, now);
}

static bool is_about_peer(enum reply_kind kind) {
        switch (kind) {
        case REPLY_FORBIDDEN:
        case REPLY_UNKNOWN:
        case REPLY_CROWDED:
                return true;
        case REPLY_WAIT:
        case REPLY_TOKEN:
        case REPLY_UNCONFIGURED:
        case REPLY_AMBIGUOUS:
        case REPLY_PAUSED:
        case REPLY_DENIED:
        case REPLY_UNAVAILABLE:
        case REPLY_TIMEOUT:
                break;
        }
        return false;
}

void trail_answer(struct trail *trail, struct connection *connection, const char *name,
                  uint64_t now) {
        const struct reply *reply = &connection->exchange->request.reply;

        if (trail->audit.mode == AUDIT_NONE)
                return;
        if (reply->kind == REPLY_TOKEN) {
                if (!is_on_record(trail, connection, reply->token))
                        record_given(trail, connection, reply->token, now);
        } else if (is_about_peer(reply->kind)) {
                record_refused(trail, connection->fd, &connection->peer,
                               meet(trail, connection, now), name, reply, now);
        }
}
