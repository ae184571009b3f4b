/* SPDX-License-Identifier: MIT */
/* journal - what operators are told about tokens: what happened, what to do, and until when workers
 * are served. Steady state is silent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/audit.h"
#include "core/broker.h"
#include "io/peer.h"
#include "wire/control.h"

/* An attempt for TOKEN has ended, as its lease now says. */
void journal_ended(const struct broker *broker, const struct broker_token *token, uint64_t now);
/* TOKEN was given up at its floor, and there is no other one. */
void journal_expired(const struct broker *broker, const struct broker_token *token, uint64_t now);
/* PEER, an operator, has TOKEN renewed; RENEWAL: what becomes of that. */
void journal_refreshed(const struct broker_token *token, const struct peer *peer,
                       enum control_renewal renewal);
/* The configuration was read again: it is what counts from now on, or is wrong, or could not be
 * read or made use of, as ERROR says: 0, -EINVAL, or another -errno. */
void journal_reloaded(size_t n_tokens, int error);
/* There is no configuration that counts: the one at start is wrong, by N_ERRORS mistakes, of which
 * FIRST is one. */
void journal_unconfigured(void);
void journal_unconfigured_status(const char *first, size_t n_errors, char *ret_text, size_t size);

/* What an earlier life has left is of no use. */
void journal_dropped(const char *why);
/* What is known will be lost when this process ends. */
void journal_not_kept(const char *why);
/* The epochs of tokens, at PATH, for WHY. */
void journal_not_published(const char *path, const char *why);

/* What goes on failing is told so often. */
#define JOURNAL_STRAINED_REST NSEC_PER_MIN
/* WHAT could not be done, for ERROR, which is -errno; bearerd goes on. */
void journal_strained(const char *what, int error);

/* Connections come faster than they are accepted, most of them from UID; NULL: from nobody in
 * particular. Until that ends about ROOM can wait. */
void journal_rush(const uid_t *uid, int room);

/* UNIT does not get its credential ID, for REPLY: REPLY_WAIT: there was no time for one;
 * REPLY_TOKEN: the connection did not take it. The unit itself cannot be told. */
void journal_credential_refused(const char *unit, const char *id, const struct reply *reply);
/* Root asked for a credential from an address that names no unit. */
void journal_credential_without_unit(void);

/* Whom a record of the audit is about. */
struct journal_peer {
        uid_t uid;
        pid_t pid;                 /* when it connected; 0: not known */
        const char *unit;          /* "": not known */
        bool is_unit;              /* that is started, and has neither user nor process */
        char comm[PEER_COMM_SIZE]; /* what it calls itself; "": not known */
};

/* PEER is given the present generation of TOKEN; or is refused NAME ("": none in particular), with
 * ERROR and, if it was a list of the token's policy, which one: of that operators alone are told;
 * or so many records were left out. */
void journal_given(const struct journal_peer *peer, const struct broker_token *token);
void journal_refused(const struct journal_peer *peer, const char *name, const char *error,
                     enum policy_verdict verdict);
void journal_left_out(const struct audit_left_out *left_out);

/* All tokens in one line, for STATUS=. */
void journal_status(const struct broker *broker, uint64_t now, char *ret_text, size_t size);
