/* SPDX-License-Identifier: MIT */
/* entrance - a socket where workers come in to a server, and the queue in which they wait for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/rush.h"
#include "io/loop.h"

struct server;

struct entrance {
        struct server *server;
        int fd; /* listening; borrowed */
        struct watch watch;
        unsigned goes;       /* of accept(2) since nobody waited */
        bool refuses_rights; /* of connections that are made from now on */
        bool has_rights;     /* or may: on connections that are accepted now */
        struct rush rush;
};

/* As many may wait at ENTRANCE's socket as is usual, whatever an earlier life has left. */
void entrance_init(struct entrance *entrance, struct server *server, int fd);
/* That, too, is what it is left with. */
void entrance_deinit(struct entrance *entrance);

/* Workers come in, or have to wait. 0, or -errno. */
int entrance_open(struct entrance *entrance);
void entrance_close(struct entrance *entrance);

/* When entrance_expired() is due. */
static inline uint64_t entrance_deadline(const struct entrance *entrance) {
        return rush_deadline(&entrance->rush);
}
void entrance_expired(struct entrance *entrance, uint64_t now);
