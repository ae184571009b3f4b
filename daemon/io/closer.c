/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/closer.h"

/* Of a thread, which allocates nothing. */
#define STACK ((size_t)64 << 10)

/* ---- the thread ---- */

/* What it is told; gone as soon as it has come. */
struct call {
        int has_come; /* an eventfd(2): 1, and the errno for which it has no copies */
        int goes;     /* another: it may end */
};

static void *copy_and_end(void *user) {
        struct call call = *(struct call *)user;
        int error = unshare(CLONE_FILES) < 0 ? errno : 0;
        eventfd_t one;

        eventfd_write(call.has_come, 1 + (eventfd_t)error);
        if (error == 0)
                eventfd_read(call.goes, &one);
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
        eventfd_t answer;
        int r;

        *closer = (struct closer){.goes = -1};
        if (has_come < 0 || goes < 0)
                return -errno;
        r = start_thread(&call);
        if (r < 0)
                return r;
        while (eventfd_read(has_come, &answer) < 0)
                ;
        r = 1 - (int)answer;
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
        int r = closer_begin(&closer);

        close(fd);
        if (r == 0)
                closer_end(&closer);
}
