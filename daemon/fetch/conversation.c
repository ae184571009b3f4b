/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fetch/conversation.h"

/* 0: something can be read; -ETIMEDOUT; -errno. */
static int wait_until(int fd, uint64_t deadline) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        int r;

        do {
                uint64_t left = time_until(deadline, clock_now());

                r = poll(&readable, 1, (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
        } while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

/* Reads no more than a request can be. */
static int read_line(int fd, uint64_t deadline, struct buffer *line) {
        while (line->size == 0 || line->data[line->size - 1] != '\n') {
                size_t room = line->limit - line->size;
                ssize_t size;
                int r;

                if (room == 0)
                        return -EBADMSG;
                r = wait_until(fd, deadline);
                if (r == 0)
                        r = buffer_reserve(line, room);
                if (r < 0)
                        return r;
                size = recv(fd, line->data + line->size, room, MSG_DONTWAIT);
                if (size == 0)
                        return -ENOTCONN;
                if (size < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (size > 0)
                        buffer_added(line, (size_t)size);
        }
        return 0;
}

int conversation_hear(int fd, uint64_t timeout, struct fetchline_request *ret_request) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(FETCHLINE_REQUEST_MAX);
        int r = read_line(fd, time_add(clock_now(), timeout), &line);

        if (r < 0)
                return r;
        return fetchline_request_parse((struct slice){line.data, line.size - 1}, ret_request);
}

int conversation_send(int fd, struct buffer *line) {
        if (buffer_error(line) < 0)
                return buffer_error(line);
        while (line->size > 0) {
                ssize_t size = send(fd, line->data, line->size, MSG_NOSIGNAL);

                if (size < 0 && errno != EINTR)
                        return -errno;
                if (size > 0)
                        buffer_consume(line, (size_t)size);
        }
        return 0;
}

int conversation_answer(int fd, const struct outcome *outcome) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(FETCHLINE_MAX);

        fetchline_render(&line, outcome);
        return conversation_send(fd, &line);
}
