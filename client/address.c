/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/address.h"

#define URL_SCHEME "unix:"
#define URL_PREFIX "unix://"

static const char *from_environment(void) {
        const char *socket = secure_getenv(ADDRESS_ENVIRONMENT);

        return socket && *socket ? socket : TOKEN_SOCKET;
}

/* A URL without a host: what follows is an absolute path. NULL: not one. */
static const char *path_of(const char *socket) {
        if (strncmp(socket, URL_SCHEME, strlen(URL_SCHEME)) != 0)
                return *socket ? socket : NULL;
        if (strncmp(socket, URL_PREFIX "/", strlen(URL_PREFIX "/")) != 0)
                return NULL;
        return socket + strlen(URL_PREFIX);
}

int address_read(const char *socket, struct sockaddr_un *ret_address) {
        const char *path = path_of(socket);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        size_t size;

        if (!path)
                return -EINVAL;
        size = strlen(path) + 1;
        if (size > sizeof address.sun_path)
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, size);
        *ret_address = address;
        return 0;
}

int address_resolve(const char *socket, struct sockaddr_un *ret_address) {
        return address_read(socket ? socket : from_environment(), ret_address);
}
