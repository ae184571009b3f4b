/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "io/address.h"
#include "io/closer.h"
#include "io/fetcher.h"
#include "io/peer.h"
#include "io/rights.h"
#include "wire/fetchline.h"

#define SOCKET_PREFIX "unix:"

struct fetch {
        struct list link; /* in fetcher.fetches */
        struct fetcher *fetcher;
        uint64_t attempt;
        int fd;
        bool has_rights; /* the kernel cannot refuse them */
        pid_t pid;       /* 0: not our child */
        struct watch watch;
        struct buffer line;
};

/* bearerd-fetch passes none; one that somebody has taken over may, and must not hold us up. */
static void fetch_refuse_rights(struct fetch *fetch) {
        fetch->has_rights = !rights_refuse(fetch->fd);
        rights_expect(fetch->fd);
}

static void fetch_close(struct fetch *fetch) {
        if (fetch->fd < 0)
                return;
        if (fetch->has_rights && peer_shut(fetch->fd))
                closer_close(fetch->fd);
        else
                close(fetch->fd);
}

static struct fetch *fetch_free(struct fetch *fetch) {
        if (!fetch)
                return NULL;
        list_remove(&fetch->link);
        watch_stop(&fetch->watch);
        fetch_close(fetch);
        buffer_deinit(&fetch->line);
        free(fetch);
        return NULL;
}
DEFINE_CLEANUP_FREE(fetch)

static void fetch_kill(const struct fetch *fetch) {
        if (fetch->pid > 0)
                kill(fetch->pid, SIGKILL);
}

/* ---- how to get at a bearerd-fetch ---- */

/* The child gets FD as its 0, our stderr, and signals as a new program expects them. */
static int spawn_with(const char *program, const char *config, int fd, pid_t *ret_pid) {
        const char *arguments[] = {program, config ? "--config" : NULL, config, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attributes);
        if (r != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -r;
        }
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        r = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(ret_pid, program, &actions, &attributes,
                                (char *const *)(uintptr_t)arguments, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int fetch_spawn(struct fetch *fetch) {
        _cleanup_close_ int theirs = -1;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        fetch->fd = pair[0];
        theirs = pair[1];
        fetch_refuse_rights(fetch);
        return spawn_with(fetch->fetcher->program, fetch->fetcher->config, theirs, &fetch->pid);
}

static int fetch_connect(struct fetch *fetch) {
        struct sockaddr_un address;
        int r = address_of_path(fetch->fetcher->socket, &address);

        if (r < 0)
                return r;
        fetch->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fetch->fd < 0)
                return -errno;
        fetch_refuse_rights(fetch);
        if (connect(fetch->fd, (struct sockaddr *)&address, sizeof address) < 0)
                return -errno;
        return 0;
}

/* ---- one attempt ---- */

/* A line so short always has room in a new socket's buffer. */
static int send_name(int fd, const char *name) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(FETCHLINE_REQUEST_MAX);
        struct fetchline_request request = {0};
        ssize_t sent;

        strncpy(request.name, name, TOKEN_NAME_MAX);
        fetchline_request_render(&line, &request);
        if (buffer_error(&line) < 0)
                return buffer_error(&line);
        sent = send(fd, line.data, line.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent < 0 ? -errno : (size_t)sent < line.size ? -EAGAIN : 0;
}

/* Consumes FETCH, so that what its owner does in answer cannot meet it half-dead. */
static void fetch_end(struct fetch *fetch, struct outcome *outcome, uint64_t now) {
        struct fetcher *fetcher = fetch->fetcher;
        uint64_t attempt = fetch->attempt;

        fetch_free(fetch);
        fetcher->owner.fetched(fetcher->owner.user, attempt, outcome, now);
}

/* It may have died before or after it sent something: the budget counts it. If it has not died, it
 * is not worth waiting for. */
static void fetch_lost(struct fetch *fetch, const char *why, uint64_t now) {
        struct outcome outcome = {.kind = OUTCOME_FAILED, .sent = true};

        fetch_kill(fetch);
        snprintf(outcome.message, sizeof outcome.message, "bearerd-fetch %s", why);
        fetch_end(fetch, &outcome, now);
}

static void fetch_complete(struct fetch *fetch, struct slice line, uint64_t now) {
        _cleanup_(outcome_deinit) struct outcome outcome = OUTCOME_INIT;

        if (fetchline_parse(line, &outcome) < 0)
                fetch_lost(fetch, "gave an answer that bearerd does not understand", now);
        else
                fetch_end(fetch, &outcome, now);
}

/* The newline ends the answer: what holds the other end may keep it open for longer. */
static void fetch_ready(struct watch *watch, unsigned what, uint64_t now) {
        struct fetch *fetch = CONTAINER_OF(watch, struct fetch, watch);
        struct buffer *line = &fetch->line;
        const char *newline;
        ssize_t size;

        if (line->size == line->limit) {
                fetch_lost(fetch, "gave an answer that is too long", now);
                return;
        }
        if (buffer_reserve(line, line->limit - line->size) < 0) {
                fetch_lost(fetch, "could not be heard: out of memory", now);
                return;
        }
        size = rights_read(fetch->fd, line->data + line->size, line->limit - line->size);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (size <= 0) {
                fetch_lost(fetch,
                           fetch->fetcher->socket ? "ended without an answer; why: journalctl -u "
                                                    "'bearerd-fetch@*'"
                                                  : "ended without an answer",
                           now);
                return;
        }
        buffer_added(line, (size_t)size);
        newline = memchr(line->data, '\n', line->size);
        if (newline)
                fetch_complete(fetch, (struct slice){line->data, (size_t)(newline - line->data)},
                               now);
}

int fetcher_start(struct fetcher *fetcher, uint64_t attempt, const char *name) {
        _cleanup_(cleanup_fetch) struct fetch *fetch = calloc(1, sizeof *fetch);
        int r;

        if (!fetch)
                return -ENOMEM;
        fetch->fetcher = fetcher;
        fetch->attempt = attempt;
        fetch->fd = -1;
        fetch->line = BUFFER_INIT(FETCHLINE_MAX);
        r = fetcher->program ? fetch_spawn(fetch) : fetch_connect(fetch);
        if (r < 0)
                return r;
        r = send_name(fetch->fd, name);
        /* One that has died already has been started: that it ended is what fetch_ready() sees. */
        if (r == 0 || r == -EPIPE || r == -ECONNRESET)
                r = watch_start(&fetch->watch, fetcher->loop, fetch->fd, WATCH_READ, fetch_ready);
        if (r < 0) {
                fetch_kill(fetch);
                return r;
        }
        list_append(&fetcher->fetches, &fetch->link);
        fetch = NULL; /* consumed */
        return 0;
}

void fetcher_cancel(struct fetcher *fetcher, uint64_t attempt) {
        LIST_FOREACH_SAFE(link, following, &fetcher->fetches) {
                struct fetch *fetch = CONTAINER_OF(link, struct fetch, link);

                if (fetch->attempt != attempt)
                        continue;
                fetch_kill(fetch);
                fetch_free(fetch);
        }
}

/* A number that was waited for may be another process's from now on. */
void fetcher_reap(struct fetcher *fetcher) {
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
                LIST_FOREACH(link, &fetcher->fetches) {
                        struct fetch *fetch = CONTAINER_OF(link, struct fetch, link);

                        if (fetch->pid == pid)
                                fetch->pid = 0;
                }
        }
}

/* ---- the fetcher ---- */

void fetcher_init(struct fetcher *fetcher, struct loop *loop, const char *where, const char *config,
                  const struct fetcher_owner *owner) {
        size_t prefix = strlen(SOCKET_PREFIX);

        *fetcher = (struct fetcher){.owner = *owner, .loop = loop, .config = config};
        if (strncmp(where, SOCKET_PREFIX, prefix) == 0)
                fetcher->socket = where + prefix;
        else
                fetcher->program = where;
        list_init(&fetcher->fetches);
}

void fetcher_deinit(struct fetcher *fetcher) {
        LIST_FOREACH_SAFE(link, following, &fetcher->fetches) {
                struct fetch *fetch = CONTAINER_OF(link, struct fetch, link);

                fetch_kill(fetch);
                fetch_free(fetch);
        }
}
