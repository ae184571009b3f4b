/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "io/sweeper.h"
#include "io/thread.h"

/* The thread's, while it is busy. */
static struct {
        int fds[SWEEPER_MAX];
        size_t n;
        atomic_bool is_busy;
} sweep;

static void *close_all(void *user) {
        for (size_t i = 0; i < sweep.n; i++)
                close(sweep.fds[i]);
        atomic_store(&sweep.is_busy, false);
        return NULL;
}

int sweeper_start(const int *fds, size_t n) {
        int r;

        assert(!sweeper_is_busy() && n <= SWEEPER_MAX);
        memcpy(sweep.fds, fds, n * sizeof *fds);
        sweep.n = n;
        atomic_store(&sweep.is_busy, true);
        r = thread_start(close_all, NULL);
        if (r < 0)
                atomic_store(&sweep.is_busy, false);
        return r;
}

bool sweeper_is_busy(void) {
        return atomic_load(&sweep.is_busy);
}
