/* SPDX-License-Identifier: MIT */
/* user - who the workers run as: a user with all groups, by name or who calls. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define USER_NAME_MAX 255

/* An advice: of the names of a group and of the user. */
#define USER_ADD "usermod --append --groups %s %s, then start its sessions and services anew"

struct user {
        char name[USER_NAME_MAX + 1];
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* as the databases have them, GID among them */
        int n_groups;
        bool is_caller; /* this process is one of that user */
};

/* NAME; NULL: who calls. 0; -ENOENT: there is no such user; -errno. */
int user_find(const char *name, struct user *ret_user);
void user_deinit(struct user *user);

bool user_is_in(const struct user *user, gid_t gid);
/* Whether a mode lets the user do what BITS (of 7) say. Access lists are not looked at. */
bool user_may(const struct user *user, const struct stat *status, unsigned bits);
