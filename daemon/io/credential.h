/* SPDX-License-Identifier: MIT */
/* credential - the socket where systemd asks for a unit's LoadCredential=ID:SOCKET
 * (systemd.exec(5), "CREDENTIALS"): who asks, for what, and how one is given or refused.
 *
 * What is written until the end of the connection is the credential, and the unit starts with it,
 * also if that is nothing. More than 1 MiB is what systemd does not take: so is a refusal. Owns its
 * connections, of which there is a fixed number, so that no lack of memory makes an empty
 * credential. Who may have which token is its owner's business. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/broker.h"
#include "io/loop.h"
#include "wire/credential.h"

/* At once; who comes then waits to be accepted. */
#define CREDENTIAL_ASKERS_MAX 64
/* systemd has its answer within 10 s: of these a token may take so many to come, */
#define CREDENTIAL_WAIT 8u
/* and an answer to be taken this long. */
#define CREDENTIAL_PATIENCE (2 * NSEC_PER_SEC)
/* More than systemd takes of one: 1 MiB, or an eighth more if it is an encrypted one. */
#define CREDENTIAL_REFUSAL_SIZE (((size_t)1 << 20) + ((size_t)1 << 18))

struct credential_socket;

/* A unit that is being started. */
struct credential_asker {
        struct credential_socket *socket;
        int fd;
        struct watch watch;
        struct list link;                  /* in socket.unused, .waiting or .refused */
        struct credential_address address; /* unit and id */
        struct peer peer;                  /* borrows the unit */
        struct request request;            /* the owner's */
        size_t to_send;                    /* of a refusal */
        uint64_t deadline;                 /* of a refusal */
};

struct credential_owner {
        void *user;
        /* ASKER asks. It is given or refused the credential, now or later. */
        void (*asked)(void *user, struct credential_asker *asker, uint64_t now);
        /* ASKER has gone before it was. */
        void (*left)(void *user, struct credential_asker *asker);
};

struct credential_socket {
        struct credential_owner owner;
        struct loop *loop;
        int fd; /* listening; borrowed */
        struct watch watch;
        uint64_t resume_at;  /* no accept before; NEVER: not paused, or full */
        uint64_t push_at;    /* refusals are sent on then; NEVER: when they are taken */
        uint64_t told_until; /* no more of failing accepts before */
        struct list unused;
        struct list waiting; /* with the owner, longest first */
        struct list refused; /* that have not taken it all yet, by deadline */
        struct credential_asker askers[CREDENTIAL_ASKERS_MAX];
};

/* FD < 0: there is none, and nothing ever happens. 0, or -errno. */
int credential_socket_start(struct credential_socket *socket, struct loop *loop, int fd,
                            const struct credential_owner *owner);
/* Nobody waits any more. Lets refusals be taken, CREDENTIAL_PATIENCE long: what is cut off would be
 * a credential. */
void credential_socket_stop(struct credential_socket *socket);

/* The one that has waited for longest, or NULL. */
struct credential_asker *credential_socket_first(const struct credential_socket *socket);

/* TOKEN is the credential, and ASKER is gone. False: it was not taken whole, which is to be
 * refused. */
bool credential_give(struct credential_asker *asker, struct slice token);
/* The unit does not start. ASKER may be gone. */
void credential_refuse(struct credential_asker *asker, uint64_t now);

/* When credential_socket_expired() is due. */
uint64_t credential_socket_deadline(const struct credential_socket *socket);
void credential_socket_expired(struct credential_socket *socket, uint64_t now);

/* Of a request whose owner is a struct credential_socket. */
struct credential_asker *credential_asker_of(struct request *request);
