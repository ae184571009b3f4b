/* SPDX-License-Identifier: MIT */
/* audit - what is to be put on record: who has had which generation of which token, and who was
 * refused. Says whether there is a record to write, and writes none.
 *
 * A peer here is a user and a unit, not a connection or a process: workers that connect for each
 * request are the same one. Processes are remembered as well, so that the unit of each is looked up
 * once. Owns what it remembers of them, in tables of fixed size, of which the
 * one that was not met for longest goes first; who is forgotten has one record too many. No peer
 * makes more than so many records in a window: then its records are counted, and the count is told
 * at the end. What was given and what was refused count each for itself, so that nobody hides the
 * one behind many of the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timespan.h"
#include "core/name.h"
#include "core/policy.h"
#include "core/unit.h"

/* Peers that are remembered, and of all of them together, which token each has had. */
#define AUDIT_PEERS_MAX     512u
#define AUDIT_HAD_MAX       4096u
#define AUDIT_PROCESSES_MAX 1024u
/* A peer's records in a window. */
#define AUDIT_WINDOW      (30 * NSEC_PER_SEC)
#define AUDIT_GIVEN_MAX   300u
#define AUDIT_REFUSED_MAX 10u

/* Of each table: it is spread over so many lists. */
#define AUDIT_BUCKETS 512u

enum audit_mode {
        AUDIT_NONE,
        AUDIT_FIRST, /* when a peer gets a generation for the first time, and refusals */
        AUDIT_ALL,   /* whenever a token is given, and refusals */
};

enum audit_kind {
        AUDIT_GIVEN,
        AUDIT_REFUSED,
        N_AUDIT_KINDS,
};

enum audit_verdict {
        AUDIT_TELL,     /* there is a record to write */
        AUDIT_KNOWN,    /* there is one already, or none is wanted */
        AUDIT_LEFT_OUT, /* it was one too many: it is counted */
};

struct audit_peer;

/* One kind of records of one peer. */
struct audit_rate {
        struct audit_peer *peer;
        enum audit_kind kind;
        unsigned n;        /* in the window that ends at: */
        uint64_t ends;     /* from the first that is left out on, AUDIT_WINDOW later */
        uint64_t left_out; /* in it */
        struct list owing; /* in audit.owing, while something is left out */
};

struct audit_peer {
        uint64_t number; /* no other peer ever has it */
        uid_t uid;
        bool is_unit;
        char unit[UNIT_NAME_MAX + 1]; /* "": not known */
        struct audit_rate rates[N_AUDIT_KINDS];
        struct list by_name; /* in audit.peers */
        struct list by_use;  /* in audit.met */
};

/* A process, as a user: which peer that is. */
struct audit_process {
        uint64_t process;
        uid_t uid;
        struct audit_peer *peer;
        uint64_t peer_number; /* if it is another one's by now, the peer is forgotten */
        struct list by_name;  /* in audit.processes */
        struct list by_use;   /* in audit.seen */
};

/* What a peer has had of one token. */
struct audit_had {
        uint64_t peer; /* its number */
        char token[TOKEN_NAME_MAX + 1];
        uint64_t generation;
        bool is_told;
        struct list by_name; /* in audit.had */
        struct list by_use;  /* in audit.had_last */
};

/* Records of one kind that were not written, of one peer. */
struct audit_left_out {
        enum audit_kind kind;
        uid_t uid;
        bool is_unit;
        char unit[UNIT_NAME_MAX + 1];
        uint64_t n;
};

struct audit {
        enum audit_mode mode;
        uint64_t last_number;
        struct list peers[AUDIT_BUCKETS], had[AUDIT_BUCKETS], processes[AUDIT_BUCKETS];
        struct list met, had_last, seen;                /* those of longest ago first */
        struct list owing;                              /* rates, by the end of their windows */
        struct audit_left_out forgotten[N_AUDIT_KINDS]; /* of a peer that had to go */
        size_t n_forgotten, n_peers, n_had, n_processes;
        struct audit_peer all_peers[AUDIT_PEERS_MAX];
        struct audit_had all_had[AUDIT_HAD_MAX];
        struct audit_process all_processes[AUDIT_PROCESSES_MAX];
};

void audit_init(struct audit *audit, enum audit_mode mode);

/* The peer that the process of number PROCESS, which no other one ever has, is as the user UID;
 * NULL: not known. Good, as that of audit_meet(), until the next audit_meet(). */
struct audit_peer *audit_find(struct audit *audit, uint64_t process, uid_t uid);
/* PEER, whose unit has been looked up, of that process; 0: it has no such number. After this, what
 * audit_take_left_out() has is taken. */
struct audit_peer *audit_meet(struct audit *audit, const struct peer *peer, uint64_t process);

/* PEER is given GENERATION of TOKEN, or is refused, at NOW. */
enum audit_verdict audit_given(struct audit *audit, struct audit_peer *peer, const char *token,
                               uint64_t generation, uint64_t now);
enum audit_verdict audit_refused(struct audit *audit, struct audit_peer *peer, uint64_t now);

/* When audit_take_left_out() has something by itself; NEVER: not. */
uint64_t audit_deadline(const struct audit *audit);
/* What is to be told of records that were left out; at NEVER, all of it. False: nothing, or no
 * more. */
bool audit_take_left_out(struct audit *audit, uint64_t now, struct audit_left_out *ret_left_out);
