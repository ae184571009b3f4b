/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/socket.h>

#include "io/rights.h"

bool rights_refuse(int fd) {
        return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){0}, sizeof(int)) == 0;
}

/* What is sent out of band stays in its place: else read(2) would skip it, and drop what it has.
 * What a drop-in for the socket may ask for (PassCredentials=, PassSecurity=) would pass for
 * rights. */
void rights_expect(int fd) {
        (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int));
        (void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){0}, sizeof(int));
        (void)setsockopt(fd, SOL_SOCKET, SO_PASSSEC, &(int){0}, sizeof(int));
}

/* To look at them takes nothing away; and where there is no room for rights, it says so
 * (MSG_CTRUNC). It ends with the first bytes that have some. */
ssize_t rights_read(int fd, void *data, size_t size) {
        struct iovec iov = {.iov_base = data, .iov_len = size};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t seen = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);

        if (seen <= 0)
                return seen;
        if (message.msg_flags & MSG_CTRUNC) {
                errno = EBADMSG;
                return -1;
        }
        return recv(fd, data, (size_t)seen, MSG_DONTWAIT);
}
