/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/datagram.h"
#include "io/closer.h"

/* Of a thread, which allocates nothing. */
#define STACK ((size_t)64 << 10)
/* Where the pair is full, so long is waited for a thread to empty it; us. */
#define PATIENCE 100000

/* ---- the thread ---- */

static bool receive_one(int fd) {
        char byte, control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {.iov_base = &byte, .iov_len = sizeof byte};
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof control,
        };

        return recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) > 0;
}

/* They come into the thread's own table, and stay there: but only those that the process has let go
 * of, so that the thread is the last one that does. */
static void receive_all(int fd, int released) {
        eventfd_t one;

        while (eventfd_read(released, &one) == 0)
                if (!receive_one(fd)) {
                        eventfd_write(released, one); /* for the next thread */
                        break;
                }
}

/* OUT was opened last, and so is the highest that it needs. CLOSER is not touched any more when it
 * knows that the thread has come. One that gets no descriptors of its own takes none: the pair
 * fills up. */
static void *close_by_ending(void *user) {
        struct closer *closer = user;
        int out = closer->out, released = closer->released;
        bool is_apart = close_range((unsigned)out + 1, ~0U, CLOSE_RANGE_UNSHARE) == 0;

        sem_post(&closer->has_come);
        if (is_apart)
                receive_all(out, released);
        return NULL;
}

/* ---- the closer ---- */

static int start_thread(struct closer *closer) {
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
        r = pthread_create(&thread, &attributes, close_by_ending, closer);
        pthread_attr_destroy(&attributes);
        return -r;
}

/* A thread is on its way that will see what has been released by now. 0, or -errno. */
static int call_thread(struct closer *closer) {
        int r;

        if (closer->is_called && sem_trywait(&closer->has_come) < 0)
                return 0;
        r = start_thread(closer);
        closer->is_called = r == 0;
        return r;
}

int closer_open(struct closer *closer) {
        struct timeval patience = {.tv_usec = PATIENCE};
        int fds[2];

        *closer = (struct closer){.in = -1, .out = -1, .released = -1};
        closer->released = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
        if (closer->released < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        closer->in = fds[0];
        closer->out = fds[1];
        setsockopt(closer->in, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        sem_init(&closer->has_come, 0, 0);
        return 0;
}

void closer_deinit(struct closer *closer) {
        if (closer->is_called)
                while (sem_wait(&closer->has_come) < 0)
                        ;
        sem_destroy(&closer->has_come);
        close(closer->in);
        close(closer->out);
        close(closer->released);
}

int closer_take(struct closer *closer, int fd) {
        int r = datagram_send(closer->in, NULL, SLICE("!"), fd, MSG_DONTWAIT);

        if (r == -EAGAIN) {
                r = call_thread(closer);
                if (r == 0)
                        r = datagram_send(closer->in, NULL, SLICE("!"), fd, 0);
        }
        if (r < 0)
                return r;
        close(fd);
        eventfd_write(closer->released, 1);
        call_thread(closer); /* if that fails, the next one closes it as well */
        return 0;
}
