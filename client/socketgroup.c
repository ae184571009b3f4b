/* SPDX-License-Identifier: MIT */
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client/socketgroup.h"

#define IN_UNIT " by 'systemctl edit bearerd.socket', then 'systemctl restart bearerd.socket'"
#define IN_FILE " in bearerd.conf, then start bearerd anew"

void group_name(gid_t gid, char *ret_name, size_t size) {
        const struct group *entry = getgrgid(gid);

        if (entry)
                snprintf(ret_name, size, "%s", entry->gr_name);
        else
                snprintf(ret_name, size, "%u", gid);
}

/* systemd makes the installed one, and bearerd any other. */
const char *socketgroup_mend(const char *path, const struct stat *status) {
        bool is_unit = strcmp(path, TOKEN_SOCKET) == 0;

        if ((status->st_mode & S_IWGRP) == 0)
                return is_unit ? "set SocketMode=0660" IN_UNIT : "set socket_mode = 0660" IN_FILE;
        if (status->st_gid == 0)
                return is_unit ? "set SocketGroup=bearer" IN_UNIT
                               : "set socket_group = bearer" IN_FILE;
        return NULL;
}
