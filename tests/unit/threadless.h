/* SPDX-License-Identifier: MIT */
/* threadless - threads that cannot be had: the linker puts this in the way of what is tested
 * (--wrap in meson.build). One program includes it once. */
#pragma once

#include <pthread.h>

static int thread_error; /* an errno, for which there is none */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user) {
        return thread_error ? thread_error : __real_pthread_create(thread, attributes, start, user);
}
