/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "io/closer.h"
#include "io/thread.h"

/* Where threads and their caller meet, by numbers: each thread is CALLED, comes, and may go. */
static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        uintptr_t called;
        uintptr_t come;
        uintptr_t free_to_go;
        int error; /* of the one that came last: an errno, for which it has no copies */
} meeting = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* As unshare(2) with CLONE_FILES, which containers may not be allowed: there is none to close. */
static int copy_descriptors(void) {
        return close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_UNSHARE) < 0 ? errno : 0;
}

static void *copy_and_end(void *user) {
        uintptr_t number = (uintptr_t)user;
        int error = copy_descriptors();

        pthread_mutex_lock(&meeting.lock);
        meeting.come = number;
        meeting.error = error;
        pthread_cond_broadcast(&meeting.changed);
        while (error == 0 && meeting.free_to_go < number)
                pthread_cond_wait(&meeting.changed, &meeting.lock);
        pthread_mutex_unlock(&meeting.lock);
        return NULL;
}

static int wait_until_come(uintptr_t number) {
        int r;

        pthread_mutex_lock(&meeting.lock);
        while (meeting.come < number)
                pthread_cond_wait(&meeting.changed, &meeting.lock);
        r = -meeting.error;
        pthread_mutex_unlock(&meeting.lock);
        return r;
}

int closer_begin(void) {
        int r = thread_start(copy_and_end, (void *)++meeting.called);

        return r < 0 ? r : wait_until_come(meeting.called);
}

void closer_end(void) {
        pthread_mutex_lock(&meeting.lock);
        meeting.free_to_go = meeting.called;
        pthread_cond_broadcast(&meeting.changed);
        pthread_mutex_unlock(&meeting.lock);
}

void closer_close(int fd) {
        if (closer_begin() < 0)
                return;
        close(fd);
        closer_end();
}
