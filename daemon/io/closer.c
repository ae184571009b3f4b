/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/closer.h"

/* Of a thread, which allocates nothing. */
#define STACK ((size_t)128 << 10)

/* ---- the thread ---- */

/* What it is told; gone as soon as it has come. */
struct call {
        int has_come; /* an eventfd(2): 1, and the errno for which it has no copies */
        int goes;     /* another: it may end */
};

static eventfd_t wait_for(int event) {
        eventfd_t value = 0;

        while (eventfd_read(event, &value) < 0 && errno == EINTR)
                ;
        return value;
}

/* As unshare(2) with CLONE_FILES, which containers may not be allowed: there is none to close. */
static int copy_descriptors(void) {
        return close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_UNSHARE) < 0 ? errno : 0;
}

static void *copy_and_end(void *user) {
        struct call call = *(struct call *)user;
        int error = copy_descriptors();

        eventfd_write(call.has_come, 1 + (eventfd_t)error);
        if (error == 0)
                wait_for(call.goes);
        return NULL;
}

static int start_thread(struct call *call) {
        pthread_attr_t attributes;
        pthread_t thread;
        sigset_t all;
        int r = pthread_attr_init(&attributes);

        if (r != 0)
                return -r;
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, STACK);
        sigfillset(&all);
        pthread_attr_setsigmask_np(&attributes, &all); /* they are for others */
        r = pthread_create(&thread, &attributes, copy_and_end, call);
        pthread_attr_destroy(&attributes);
        return -r;
}

/* ---- the closer ---- */

int closer_begin(struct closer *closer) {
        _cleanup_close_ int has_come = eventfd(0, EFD_CLOEXEC), goes = eventfd(0, EFD_CLOEXEC);
        struct call call = {.has_come = has_come, .goes = goes};
        int r;

        *closer = (struct closer){.goes = -1};
        if (has_come < 0 || goes < 0)
                return -errno;
        r = start_thread(&call);
        if (r < 0)
                return r;
        r = 1 - (int)wait_for(has_come);
        if (r == 0) {
                closer->goes = goes;
                goes = -1; /* consumed */
        }
        return r;
}

void closer_end(struct closer *closer) {
        eventfd_write(closer->goes, 1);
        close(closer->goes);
}

void closer_close(int fd) {
        struct closer closer;

        if (closer_begin(&closer) < 0)
                return;
        close(fd);
        closer_end(&closer);
}
