/* SPDX-License-Identifier: MIT */
/* bearer.h - libbearer: the host's OAuth 2.0 bearer token, from bearerd.
 *
 *         struct bearer *bearer = NULL;
 *         struct bearer_token *token = NULL;
 *         int r;
 *
 *         r = bearer_open(NULL, &bearer);
 *         if (r == 0)
 *                 r = bearer_get(bearer, NULL, -1, &token);
 *         if (r == 0)
 *                 printf("Authorization: Bearer %s\n", bearer_token_value(token));
 *         else
 *                 fprintf(stderr, "no token: %s\n", bearer_strerror(r));
 *         bearer_token_unref(token);
 *         bearer_close(bearer);
 *
 * docs/examples/worker.c shows a worker whole, with what to do about a 401.
 *
 * Results. Functions that return int return
 *
 *         0    done; what they give is written, and is the caller's
 *         < 0  -errno: this host or this process is at fault, see below; nothing is written
 *         > 0  BEARER_E_*: an answer that the caller must handle; nothing is written
 *
 * Asking for a token returns, beside the BEARER_E_*,
 *
 *         -EINVAL        an argument that is none: a NULL, a timeout below -1
 *         -ENOMEM        no memory
 *         -ENOENT        no socket at that path: bearerd is not installed, or not started yet
 *         -ECONNREFUSED  a socket that nobody listens on: bearerd has stopped
 *         -EACCES        the user may not connect: group "bearer" is missing as a rule
 *         -ECONNRESET    bearerd hung up before its answer was whole, twice
 *         -EMFILE, -ENFILE, -ENOBUFS  no descriptors or socket memory
 *         -ENOTDIR, -ELOOP, -EPROTOTYPE, -EPERM and what else socket(2), connect(2), send(2) and
 *                        recv(2) say of a path or a socket that is none of bearerd's, as it is
 *
 * of which -ENOENT, -ECONNREFUSED and -ECONNRESET may pass, so that a worker does well to try again
 * later; the others want an operator.
 *
 * Threads. A handle may be used by any number of threads at once. Two calls never share a
 * connection: a call takes a kept one or opens another, so nobody waits for somebody else's wait.
 * A few connections are kept between calls. A token is immutable, and may be shared too. Only
 * bearer_close() must be the last call on its handle. Do not cancel a thread inside a call.
 * bearer_fd() and bearer_dispatch() are for one thread at a time.
 *
 * Keeping. Each thread keeps up to 16 tokens that bearer_get() and bearer_renew() have given it, so
 * that bearer_get() costs it nanoseconds and no system call, where bearerd publishes epochs and the
 * process may read them (docs/protocol.md). A kept token is given until there is a newer one, until
 * bearerd would not give it any more, for its time or for the policy, or until bearerd starts, or
 * stops otherwise than by being killed: then bearerd is asked again. So there is nothing for the
 * caller to keep.
 *
 * Fork. A handle may be used on both sides of fork(2): the child opens connections of its own, and
 * neither reads from nor shuts down what the parent holds. It learns of the fork from a page that
 * the kernel wipes for it (MADV_WIPEONFORK, madvise(2); by getpid(2) where there is none), so
 * fork by any libc or by clone(2) itself is noticed. The child has what its thread had kept.
 * Between vfork(2) and exec call nothing here.
 *
 * Signals. None is raised, blocked or handled; SIGPIPE does not occur, and a signal that arrives
 * does not cut a call short. Descriptors are close-on-exec.
 *
 * Time. No call takes longer than its timeout, whatever bearerd does; only scheduling comes on top.
 *
 * Secrets. The token is wiped from memory when its last reference goes, as is everything that it
 * passed through. What a thread keeps is one: it goes when bearer_close() is called in that thread,
 * when the thread ends, and, once it is not good any more, with the next answer of bearerd to the
 * thread. What the caller copies is the caller's to wipe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined __GNUC__
#define BEARER_MUST_USE __attribute__((warn_unused_result))
#pragma GCC visibility push(default)
#else
#define BEARER_MUST_USE
#endif

/* What can be in the way of a token. Each says what the caller should do about it. More may come:
 * treat one that you do not know as BEARER_E_UNAVAILABLE. */
enum bearer_result {
        /* The token endpoint refuses the credentials or the scope. Trying again helps only after
         * an operator has mended them: stop, or try again in minutes. */
        BEARER_E_DENIED = 1,
        /* There is no token: the endpoint is failing, or the configuration of bearerd is wrong. Try
         * again in some seconds. */
        BEARER_E_UNAVAILABLE = 2,
        /* The timeout ended before there was a token. As above. */
        BEARER_E_TIMEOUT = 3,
        /* bearer_renew() alone: the refused token was renewed just now, and no newer one is to be
         * had so soon. The 401 then hardly comes from the token: look at permissions, practice and
         * headers, go on with bearer_get(), and do not ask again for a minute. */
        BEARER_E_FRESH = 4,
        /* This user asks too much at once. Ask again in some seconds, from fewer places. */
        BEARER_E_BUSY = 5,
        /* This user may not have that token, or there is none of that name (who may not have all
         * of them is not told which). For an operator: allow_users, allow_groups. Do not retry. */
        BEARER_E_FORBIDDEN = 6,
        /* No token of that name is configured. Do not retry. */
        BEARER_E_UNKNOWN = 7,
        /* Not a name ([a-z0-9][a-z0-9_-]{0,31}); or none was given and there is no default: several
         * tokens and none has "default = yes". Do not retry. */
        BEARER_E_INVALID = 8,
        /* What answered is not bearerd, or one that this library does not understand. Check
         * $BEARERD_SOCKET and the versions. Do not retry. */
        BEARER_E_PROTOCOL = 9,
};

/* A handle: where bearerd is, and a few connections to it. */
struct bearer;

/* One token; immutable, reference-counted. */
struct bearer_token;

/* Makes a handle for the socket SOCKET: a path, or "unix:///path". NULL: $BEARERD_SOCKET, of the
 * same form (not in a set-uid program), or /run/bearerd/token.sock if that is unset or empty.
 *
 * Nothing is connected yet, so bearerd may start later. 0; -EINVAL: RET_BEARER is NULL, or SOCKET
 * has neither form; -ENAMETOOLONG: longer than a Unix address holds, 107 bytes; -ENOMEM. */
int bearer_open(const char *socket, struct bearer **ret_bearer) BEARER_MUST_USE;

/* Closes a handle that no other thread uses any more. Tokens stay good. Takes NULL; returns NULL,
 * for `bearer = bearer_close(bearer);`. */
struct bearer *bearer_close(struct bearer *bearer);

/* Gives the token NAME, or the default one if NAME is NULL. It is valid, for about a minute at
 * least if its life is not shorter than ten: get it anew for every request, do not store it. What
 * this thread keeps already comes at once, whether bearerd is there or not.
 *
 * If there is none yet, waits TIMEOUT_MS milliseconds at most:
 *
 *         > 0  that long; bearerd itself waits for 60 s at most, then answers
 *         -1   the default: 20 s for the token, and 1 s more for the answer itself
 *         0    only what there is: bearerd answers in microseconds and is given 250 ms for it
 *
 * Hang-ups are handled: if bearerd goes away before it answered, the call reconnects once, and for
 * 2 s after that a missing or refusing socket is a bearerd that is restarting. A socket that is
 * missing or refuses without that is an error at once. A full backlog is waited for.
 *
 * 0 with *RET_TOKEN, a reference that bearer_token_unref() gives back; -errno and BEARER_E_* as
 * above. */
int bearer_get(struct bearer *bearer, const char *name, int timeout_ms,
               struct bearer_token **ret_token) BEARER_MUST_USE;

/* As bearer_get(), for a token of the same name that is newer than REFUSED, which an API answered
 * with 401. If others had the same, they share one renewal; if there is a newer one already, it
 * comes at once. REFUSED stays the caller's. Call it once per 401, not in a loop: an API may answer
 * 401 though the token is good, and then says BEARER_E_FRESH. */
int bearer_renew(struct bearer *bearer, const struct bearer_token *refused, int timeout_ms,
                 struct bearer_token **ret_token) BEARER_MUST_USE;

/* For programs that have an event loop: a descriptor to wait for, with a function that says what is
 * new, as sd_bus_get_fd(3) and sd_bus_process(3) are, or PQsocket() and PQconsumeInput(). With them
 * a program learns of each new token when it comes, to pass it on, or to open a session anew. Who
 * needs a token for a request of its own calls bearer_get(), and nothing of this.
 *
 *         int fd, r = bearer_fd(bearer, NULL, &fd);
 *         uint64_t generation;
 *
 *         for (struct pollfd pollfd = {fd, POLLIN}; r == 0 && poll(&pollfd, 1, -1) > 0;)
 *                 if (bearer_dispatch(bearer, NULL, &generation) == 0 && generation > 0)
 *                         use_anew(bearer); // which calls bearer_get()
 *
 * Both are for one thread at a time: threads that want to wait for the same token have handles of
 * their own. Other threads may call bearer_get() and bearer_renew() meanwhile. */

/* Gives a descriptor that is readable (poll(2), epoll(7) and others) when there is something to do
 * about the token NAME, or the default one if NAME is NULL: then call bearer_dispatch() with the
 * same NAME. It is the same one until bearer_close(), which closes it, and the handle's: do not
 * read from it. There is one for each NAME, which a second call gives again. It takes three
 * descriptors, and one of the user's places to wait (user_waiting in bearerd.conf).
 *
 * Nothing is connected yet, so bearerd may start later; the descriptor is readable at once. In the
 * child of a fork(2) it is another one: call this there, too, and forget what the parent had.
 *
 * 0; -EINVAL: a NULL; BEARER_E_INVALID: not a name; -ENOMEM; -EMFILE, -ENFILE: no descriptors, and
 * what else epoll_create1(2), timerfd_create(2) and timerfd_settime(2) say. */
int bearer_fd(struct bearer *bearer, const char *name, int *ret_fd) BEARER_MUST_USE;

/* Does what there is to be done, and never blocks; may be called at any time. 0: there is a token
 * of generation *RET_GENERATION, which was not told before, and bearer_get() gives it or a newer
 * one; or *RET_GENERATION is 0, and nothing is new. The present token is told first. Of several
 * that have come, the newest is told.
 *
 * Other results say what is in the way. None of them is an end: it is tried again by itself, after
 * a while that grows from milliseconds to 10 s, or to a minute after a refusal, and the descriptor
 * is readable when it is time. A restart of bearerd is in the way of nothing for the first 2 s, and
 * no generation is missed by it.
 *
 *         BEARER_E_UNAVAILABLE  there is no token any more, and the next one will be told; or the
 *                               configuration of bearerd is wrong
 *         BEARER_E_TIMEOUT      bearerd does not answer
 *         BEARER_E_*, -errno    as above; BEARER_E_FORBIDDEN also where a reload has taken the
 *                               permission away
 *         -EINVAL               a NULL; or there was no bearer_fd() for NAME
 *         -ECHILD               in the child of a fork, where bearer_fd() was not called yet */
int bearer_dispatch(struct bearer *bearer, const char *name,
                    uint64_t *ret_generation) BEARER_MUST_USE;

/* What R means: -errno, BEARER_E_*, or 0. Static English text, never NULL; for people. */
const char *bearer_strerror(int r);

/* References. Both take NULL. bearer_token_ref() returns TOKEN, bearer_token_unref() NULL. */
struct bearer_token *bearer_token_ref(struct bearer_token *token);
struct bearer_token *bearer_token_unref(struct bearer_token *token);

/* What is in a token. Strings are the token's own: they end in NUL, are never NULL, and last until
 * the caller's reference goes. */

/* The access token, what follows "Authorization: Bearer " (RFC 6750 2.1): letters, digits and
 * "-._~+/=" alone. A secret: keep it out of logs and argv. */
const char *bearer_token_value(const struct bearer_token *token);
/* Its bytes, without the NUL: 1 to 16384. */
size_t bearer_token_length(const struct bearer_token *token);
/* What bearerd calls it. */
const char *bearer_token_name(const struct bearer_token *token);
/* Rises with every new token of this name. */
uint64_t bearer_token_generation(const struct bearer_token *token);
/* When it expires, by bearerd's wall clock: Unix time, in seconds. */
uint64_t bearer_token_expires_at(const struct bearer_token *token);
/* How many whole seconds it is still valid, 0 if it is not. Counted from its arrival by
 * CLOCK_BOOTTIME, so that neither a step of the wall clock nor a suspend makes it wrong. */
uint64_t bearer_token_expires_in(const struct bearer_token *token);
/* The granted scope (RFC 6749 3.3), or "" if the endpoint did not say. */
const char *bearer_token_scope(const struct bearer_token *token);
/* athenahealth's practice id, for URLs as /v1/{practiceid}/..., or "". */
const char *bearer_token_practice_id(const struct bearer_token *token);

#if defined __GNUC__
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif
