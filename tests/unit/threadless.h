/* SPDX-License-Identifier: MIT */
/* threadless - threads that cannot be had, or come late: the linker puts this in the way of what is
 * tested (--wrap in meson.build). One program includes it once. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static int thread_error;      /* an errno, for which there is none */
static bool threads_are_late; /* one that begins is held until then */
static void *(*late_start)(void *user);
static void *late_user;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user) {
        if (thread_error)
                return thread_error;
        if (!threads_are_late)
                return __real_pthread_create(thread, attributes, start, user);
        late_start = start;
        late_user = user;
        return 0;
}

/* What the one does that was held. False: there is none. */
static inline bool late_thread_runs(void) {
        void *(*start)(void *user) = late_start;

        late_start = NULL;
        threads_are_late = false;
        if (start)
                start(late_user);
        return start != NULL;
}
