/* SPDX-License-Identifier: MIT */
/* policy - who may have a token. Users and groups are numbers here: names were looked up when the
 * configuration was loaded. Root follows the policy like everyone else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who is at the other end of a connection, as the kernel says. */
struct peer {
        uid_t uid;
        gid_t gid;
        pid_t pid;
        gid_t *groups; /* supplementary */
        size_t n_groups;
};

/* Borrows its lists. A kind that is not given (n is 0) allows everyone; of several kinds, all must
 * hold. */
struct policy {
        const uid_t *users;
        size_t n_users;
        const gid_t *groups;
        size_t n_groups;
};

bool policy_allows(const struct policy *policy, const struct peer *peer);
