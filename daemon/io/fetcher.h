/* SPDX-License-Identifier: MIT */
/* fetcher - has bearerd-fetch make token requests: starts it, or connects to where systemd does.
 *
 * Sends a token's name, takes one line, and hands it up as an outcome. Owns the attempts under way;
 * how long one may take is not decided here. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "core/outcome.h"
#include "io/loop.h"

struct fetcher_owner {
        void *user;
        /* Attempt ATTEMPT has ended. May take what is in OUTCOME. */
        void (*fetched)(void *user, uint64_t attempt, struct outcome *outcome, uint64_t now);
};

struct fetcher {
        struct fetcher_owner owner;
        struct loop *loop;
        const char *program; /* to be started; or NULL: */
        const char *socket;  /* to be connected to */
        const char *config;  /* for the program's --config; NULL: none */
        struct list fetches;
};

/* WHERE: the path of a program, or "unix:" and the path of a socket. Borrows its strings. */
void fetcher_init(struct fetcher *fetcher, struct loop *loop, const char *where, const char *config,
                  const struct fetcher_owner *owner);
void fetcher_deinit(struct fetcher *fetcher);

/* 0, and owner.fetched() will be called, later; or -errno: it could not even be started. */
int fetcher_start(struct fetcher *fetcher, uint64_t attempt, const char *name);
/* Drops ATTEMPT, if it is still under way: owner.fetched() will not be called for it. */
void fetcher_cancel(struct fetcher *fetcher, uint64_t attempt);

/* At SIGCHLD. */
void fetcher_reap(struct fetcher *fetcher);
