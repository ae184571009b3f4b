/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "io/thread.h"

#define STACK ((size_t)128 << 10)

int thread_start(void *(*run)(void *user), void *user) {
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
        r = pthread_create(&thread, &attributes, run, user);
        pthread_attr_destroy(&attributes);
        return -r;
}
