/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/doctor/user.h"

#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */

/* GETGROUPLIST(3) says how many there are when they do not fit. */
static int find_groups(struct user *user) {
        int n = 32;

        for (;;) {
                gid_t *groups = reallocarray(user->groups, (size_t)n, sizeof *groups);
                int room = n;

                if (!groups)
                        return -ENOMEM;
                user->groups = groups;
                if (getgrouplist(user->name, user->gid, groups, &n) >= 0) {
                        user->n_groups = n;
                        return 0;
                }
                if (n <= room || n > GROUPS_MAX)
                        return -E2BIG;
        }
}

int user_find(const char *name, struct user *ret_user) {
        struct user user = {0};
        const struct passwd *entry;
        int r;

        errno = 0;
        entry = name ? getpwnam(name) : getpwuid(geteuid());
        if (!entry)
                return errno == ENOMEM || errno == EMFILE || errno == EIO ? -errno : -ENOENT;
        if (strlen(entry->pw_name) > USER_NAME_MAX)
                return -ENAMETOOLONG;
        strcpy(user.name, entry->pw_name);
        user.uid = entry->pw_uid;
        user.gid = entry->pw_gid;
        user.is_caller = user.uid == geteuid();
        r = find_groups(&user);
        if (r < 0) {
                user_deinit(&user);
                return r;
        }
        *ret_user = user; /* consumed */
        return 0;
}

void user_deinit(struct user *user) {
        free(user->groups);
        user->groups = NULL;
}

bool user_is_in(const struct user *user, gid_t gid) {
        for (int i = 0; i < user->n_groups; i++)
                if (user->groups[i] == gid)
                        return true;
        return user->gid == gid;
}

bool user_may(const struct user *user, const struct stat *status, unsigned bits) {
        unsigned mode = status->st_mode;

        if (user->uid == 0)
                return true;
        if (user->uid == status->st_uid)
                return (mode >> 6 & bits) == bits;
        if (user_is_in(user, status->st_gid))
                return (mode >> 3 & bits) == bits;
        return (mode & bits) == bits;
}
