/* SPDX-License-Identifier: MIT */
/* fault - what a program that runs with faults.so says is to fail, and what it says was wrong. */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bearer.h>

#define FDS_MAX 256

/* Of faults.so. */
void faults_arm(const char *kind, unsigned nth, int error, bool onwards);
unsigned faults_disarm(void);
void faults_hold(bool is_held);
int faults_blocks(void);

struct fault {
        const char *kind;
        unsigned nth;
        int error;
        bool onwards;
};

static unsigned mistakes;

/* PROGRAM SOCKET KIND ERRNO once|onwards [...] */
static inline bool fault_parse(int argc, char **argv, struct fault *ret_fault) {
        if (argc < 5)
                return false;
        setvbuf(stdout, NULL, _IONBF, 0);
        *ret_fault = (struct fault){
                .kind = argv[2],
                .nth = 1,
                .error = atoi(argv[3]),
                .onwards = strcmp(argv[4], "onwards") == 0,
        };
        return true;
}

static inline void wrong(const struct fault *fault, const char *what, int r) {
        printf("%s %u%s, %s: %s: %d (%s)\n", fault->kind, fault->nth,
               fault->onwards ? " and all that follow" : "", strerrorname_np(fault->error), what, r,
               bearer_strerror(r));
        mistakes++;
}

static inline unsigned count_fds(void) {
        unsigned n = 0;

        for (int fd = 0; fd < FDS_MAX; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static inline uint64_t milliseconds(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
