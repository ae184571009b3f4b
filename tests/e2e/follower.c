/* SPDX-License-Identifier: MIT */
/* follower - follows a token by libbearer, in an event loop of its own, until its standard input
 * ends: FOLLOWER [NAME]. Prints what it is told, a line each: "told G got G" (by bearer_get()), or
 * "result R". At its end, how often it was woken, and how often for nothing. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bearer.h"

static unsigned wakeups, idle;

static void tell(struct bearer *bearer, const char *name, uint64_t generation) {
        struct bearer_token *token = NULL;
        int r = bearer_get(bearer, name, -1, &token);

        if (r == 0)
                printf("told %llu got %llu\n", (unsigned long long)generation,
                       (unsigned long long)bearer_token_generation(token));
        else
                printf("told %llu, but %d: %s\n", (unsigned long long)generation, r,
                       bearer_strerror(r));
        bearer_token_unref(token);
}

static void dispatch(struct bearer *bearer, const char *name) {
        uint64_t generation;
        int r = bearer_dispatch(bearer, name, &generation);

        wakeups++;
        if (r != 0)
                printf("result %d\n", r);
        else if (generation > 0)
                tell(bearer, name, generation);
        else
                idle++;
        fflush(stdout);
}

int main(int argc, char **argv) {
        const char *name = argc > 1 ? argv[1] : NULL;
        struct pollfd pollfds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
        struct bearer *bearer = NULL;

        if (bearer_open(NULL, &bearer) != 0 || bearer_fd(bearer, name, &pollfds[1].fd) != 0)
                return EXIT_FAILURE;
        while (poll(pollfds, 2, -1) > 0 && !pollfds[0].revents)
                if (pollfds[1].revents)
                        dispatch(bearer, name);
        printf("woken %u idle %u\n", wakeups, idle);
        bearer_close(bearer);
        return EXIT_SUCCESS;
}
