/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/datagram.h"
#include "base/timespan.h"

int datagram_open(uint64_t patience, int *ret_fd) {
        const struct timeval timeout = {
                .tv_sec = (time_t)(patience / NSEC_PER_SEC),
                .tv_usec = (suseconds_t)(patience % NSEC_PER_SEC / NSEC_PER_USEC),
        };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0)
                return -errno;
        *ret_fd = fd;
        fd = -1; /* consumed */
        return 0;
}

/* An abstract name begins with a 0 byte, and ends without one. */
static int address_of(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_size) {
        size_t length = strlen(path);
        bool is_abstract = path[0] == '@';

        if (length == 0 || length >= sizeof ret_address->sun_path)
                return -EINVAL;
        *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(ret_address->sun_path, path, length);
        if (is_abstract)
                ret_address->sun_path[0] = 0;
        *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_abstract);
        return 0;
}

int datagram_send(int fd, const char *path, struct slice message, int passed, int flags) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof passed)];
        } rights = {.bytes = {0}};
        /* Only read by sendmsg(2). */
        struct iovec part = {(void *)(uintptr_t)message.data, message.size};
        struct sockaddr_un address;
        struct msghdr header = {.msg_name = &address, .msg_iov = &part, .msg_iovlen = 1};
        int r = address_of(path, &address, &header.msg_namelen);

        if (r < 0)
                return r;
        if (passed >= 0) {
                rights.header.cmsg_level = SOL_SOCKET;
                rights.header.cmsg_type = SCM_RIGHTS;
                rights.header.cmsg_len = CMSG_LEN(sizeof passed);
                memcpy(CMSG_DATA(&rights.header), &passed, sizeof passed);
                header.msg_control = rights.bytes;
                header.msg_controllen = sizeof rights.bytes;
        }
        do
                r = sendmsg(fd, &header, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
        while (r == -EINTR);
        return r;
}
