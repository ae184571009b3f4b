/* SPDX-License-Identifier: MIT */
/* policy - who may have a token. Users and groups are numbers here: names were looked up when the
 * configuration was loaded. Root follows the policy like everyone else. What is not known of a peer
 * does not match. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Who asks: a process at the other end of a connection, as the kernel says, or a unit whose first
 * process systemd is about to start. */
struct peer {
        uid_t uid;
        gid_t gid;
        pid_t pid;
        bool is_unit;         /* and no process yet: user and groups are not known */
        bool has_more_groups; /* than are looked at: there is none in the list */
        uint16_t n_groups;
        gid_t *groups; /* supplementary */
        char *unit;    /* of the system's service manager; NULL: none, or not looked up */
};

/* Borrows its lists. A kind that is not given (n is 0) allows everyone; of several kinds, all must
 * hold. */
struct policy {
        const uid_t *users;
        size_t n_users;
        const gid_t *groups;
        size_t n_groups;
        char *const *units; /* patterns, core/unit */
        size_t n_units;
};

/* The first list that forbids it. */
enum policy_verdict {
        POLICY_ALLOWS,
        POLICY_FORBIDS_USER,
        POLICY_FORBIDS_GROUP,
        POLICY_NEEDS_GROUPS, /* which are too many to be looked at */
        POLICY_FORBIDS_UNIT,
        POLICY_NEEDS_UNIT, /* which is not known, or there is none */
};

enum policy_verdict policy_judge(const struct policy *policy, const struct peer *peer);
bool policy_allows(const struct policy *policy, const struct peer *peer);
