/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/connection.h"

#define RETRY_FIRST (1 * NSEC_PER_MSEC) /* then doubling ... */
#define RETRY_LAST  (50 * NSEC_PER_MSEC)
#define READ_SIZE   ((size_t)4096)

struct connection *connection_disown(struct connection *connection) {
        if (!connection)
                return NULL;
        if (connection->fd >= 0)
                close(connection->fd);
        buffer_deinit(&connection->in);
        free(connection);
        return NULL;
}

/* A child of a fork may hold the descriptor too: shutting down tells bearerd all the same. */
struct connection *connection_free(struct connection *connection) {
        if (connection && connection->fd >= 0)
                shutdown(connection->fd, SHUT_RDWR);
        return connection_disown(connection);
}

/* Until DEADLINE, or a signal: the caller comes round again. */
static int pause_until(uint64_t deadline) {
        struct timespec timeout = clock_timespec(time_until(deadline, clock_now()));

        return ppoll(NULL, 0, &timeout, NULL) < 0 && errno != EINTR ? -errno : 0;
}

/* A full backlog is EAGAIN. */
static bool may_pass(int error, uint64_t patient_until) {
        switch (error) {
        case EAGAIN:
        case EINTR:
                return true;
        case ECONNREFUSED:
        case ENOENT:
                return clock_now() < patient_until;
        default:
                return false;
        }
}

static int connect_now(int fd, const struct sockaddr_un *address) {
        return connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
}

/* Waits for room for at most SPAN, which is not 0, or until a signal. Who blocks in connect(2) is
 * woken when there is some; who does not is told nothing, and would lose it to who comes by. */
static int connect_waiting(int fd, const struct sockaddr_un *address, uint64_t span) {
        struct timeval timeout = {.tv_sec = (time_t)(span / NSEC_PER_SEC),
                                  .tv_usec = (suseconds_t)(span % NSEC_PER_SEC / NSEC_PER_USEC)};
        int r;

        if (span < NSEC_PER_USEC)
                timeout.tv_usec = 1; /* 0 would be for ever */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0 ||
            fcntl(fd, F_SETFL, 0) < 0)
                return -errno;
        r = connect_now(fd, address);
        return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : r;
}

static int connect_until(int fd, const struct sockaddr_un *address, uint64_t patient_until,
                         uint64_t deadline) {
        uint64_t delay = RETRY_FIRST;
        int r = connect_now(fd, address);

        while (r < 0) {
                uint64_t now = clock_now();

                if (!may_pass(-r, patient_until))
                        return r;
                if (now >= deadline)
                        return -ETIMEDOUT;
                if (r == -EAGAIN) {
                        r = connect_waiting(fd, address, time_until(deadline, now));
                        continue;
                }
                r = pause_until(time_min(deadline, time_add(now, delay)));
                if (r < 0)
                        return r;
                delay = time_min(2 * delay, RETRY_LAST);
                r = connect_now(fd, address);
        }
        return 0;
}

int connection_open(const struct sockaddr_un *address, size_t answer_max, uint64_t patient_until,
                    uint64_t deadline, struct connection **ret_connection) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        int r;

        connection = malloc(sizeof *connection);
        if (!connection)
                return -ENOMEM;
        *connection = (struct connection){.in = BUFFER_INIT(answer_max)};
        connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connection->fd < 0)
                return -errno;
        r = connect_until(connection->fd, address, patient_until, deadline);
        if (r < 0)
                return r;
        *ret_connection = connection;
        connection = NULL; /* consumed */
        return 0;
}

bool connection_is_quiet(const struct connection *connection) {
        char byte;

        return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Asked before every read, so that an answer which trickles in does not outlast the deadline. */
static int wait_for(int fd, short events, uint64_t deadline) {
        struct pollfd pollfd = {.fd = fd, .events = events};

        for (;;) {
                uint64_t left = time_until(deadline, clock_now());
                struct timespec timeout = clock_timespec(left);
                int n;

                if (left == 0)
                        return -ETIMEDOUT;
                n = ppoll(&pollfd, 1, &timeout, NULL);
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

static bool is_hang_up(int r) {
        return r == -EPIPE || r == -ECONNRESET;
}

static int send_all(int fd, struct slice data, uint64_t deadline) {
        while (data.size > 0) {
                ssize_t n = send(fd, data.data, data.size, MSG_NOSIGNAL);

                if (n >= 0) {
                        data.data += n;
                        data.size -= (size_t)n;
                } else if (errno == EAGAIN) {
                        int r = wait_for(fd, POLLOUT, deadline);

                        if (r < 0)
                                return r;
                } else if (errno != EINTR) {
                        return -errno;
                }
        }
        return 0;
}

/* > 0: that many bytes came; 0: the end; -EAGAIN: nothing after all. */
static ssize_t receive(struct connection *connection) {
        struct buffer *in = &connection->in;
        size_t room = in->limit - in->size;
        ssize_t n;
        int r;

        r = buffer_reserve(in, room < READ_SIZE ? room : READ_SIZE);
        if (r < 0)
                return r;
        n = recv(connection->fd, in->data + in->size, in->capacity - in->size, 0);
        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        buffer_added(in, (size_t)n);
        return n;
}

static bool is_full(const struct buffer *buffer) {
        return buffer->size == buffer->limit;
}

/* One step towards the response: > 0: it is whole; 0: more must come, and there is room for it. */
static int receive_some(struct connection *connection, struct http1_response *ret_response) {
        ssize_t n = receive(connection);

        if (n == -EAGAIN)
                return 0;
        if (n == 0 || n == -ECONNRESET)
                return -ECONNRESET; /* in mid-answer, too: bearerd has died, and will be back */
        if (n < 0)
                return (int)n;
        n = http1_response_parse(buffer_slice(&connection->in), ret_response);
        if (n < 0)
                return (int)n;
        if (n == 0)
                return is_full(&connection->in) ? -EBADMSG : 0;
        return (size_t)n == connection->in.size ? 1 : -EBADMSG;
}

/* bearerd may answer and hang up before it has read the request, as when there are too many
 * connections: that answer counts, though sending fails. */
int connection_exchange(struct connection *connection, struct slice request, uint64_t deadline,
                        struct http1_response *ret_response) {
        int r = send_all(connection->fd, request, deadline);

        if (r < 0 && !is_hang_up(r))
                return r;
        do {
                r = wait_for(connection->fd, POLLIN, deadline);
                if (r < 0)
                        return r;
                r = receive_some(connection, ret_response);
        } while (r == 0);
        return r < 0 ? r : 0;
}

void connection_clear(struct connection *connection) {
        buffer_clear(&connection->in);
}
