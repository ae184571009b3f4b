/* SPDX-License-Identifier: MIT */
/* cleanup - locals that own something give it back at the end of their scope.
 *
 *         _cleanup_free_ char *text = NULL;
 *         _cleanup_close_ int fd = -1;
 *
 * Handing over is nulling, with the comment "consumed". */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

static inline void cleanup_free(void *pointer) {
        free(*(void **)pointer);
}

/* Keeps errno: cleaning up must not hide why. */
static inline void cleanup_close(const int *fd) {
        int saved = errno;

        if (*fd >= 0)
                close(*fd);
        errno = saved;
}

#define _cleanup_free_  _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)

/* Defines cleanup_NOUN() for `_cleanup_(cleanup_NOUN) struct NOUN *x = NULL;`, by NOUN_free(). */
#define DEFINE_CLEANUP_FREE(noun)                                                                  \
        static inline void cleanup_##noun(struct noun **pointer) {                                 \
                noun##_free(*pointer);                                                             \
        }
