/* SPDX-License-Identifier: MIT */
/* way - one way of getting the token: from a server on a Unix socket, whatever it speaks; from a
 * file; or by libbearer.
 *
 * The first answer is learned, and every other one must be like it: of its size, with its first
 * bytes and its last one, and with the token where there is only one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#define ANSWER_MAX 65536

struct bearer;
struct bearer_token;
struct way;

struct way_kind {
        const char *name;
        bool (*open)(struct way *);     /* what is kept */
        bool (*ask)(struct way *);      /* with what is kept; whether the answer is right */
        bool (*ask_anew)(struct way *); /* with nothing kept */
};

struct way {
        const struct way_kind *kind;
        const char *name;
        const char *path; /* of the socket, or the file */
        const char *pids; /* of the server, with a plus between them; "": there is none */

        struct sockaddr_un address;
        int *fds; /* kept connections, used in turn */
        size_t n_fds, next_fd;
        char *requests; /* all of one size, used in turn */
        size_t n_requests, request_size, next_request;
        struct bearer *bearer;

        size_t answer_size;
        char answer[ANSWER_MAX];     /* the first */
        size_t token_at, token_size; /* where it is in there; 0: not looked at */
        uint64_t generation;
};

/* Makes a way of TEXT, "NAME,KIND,PATH,PIDS,CONNECTIONS,REQUESTS-FILE,REQUESTS", opens it, and
 * learns its answer, which must have TOKEN in it unless that is "". The file has that many requests
 * of the same size. Says on stderr what is wrong with it. */
bool way_init(struct way *way, char *text, const char *token);

void way_deinit(struct way *way);

/* The nanoseconds that the server has run: all threads of all its processes
 * (/proc/PID/task/TID/schedstat). */
uint64_t way_cpu(const struct way *way);

/* Reads all of a file of at most SIZE - 1 bytes, and ends it with a NUL; its size, or -1. */
ssize_t slurp(const char *path, char *content, size_t size);
