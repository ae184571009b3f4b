/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "config_file.h"

const char *config_file_choose(const char *file) {
        if (file)
                return file;
        if (access(CONFIGURATION_FILE, F_OK) < 0 && errno == ENOENT && getenv("BEARERD_CLIENT_ID"))
                return NULL;
        return CONFIGURATION_FILE;
}

static void identify(const struct stat *status, char *ret_identity) {
        snprintf(ret_identity, CONFIG_IDENTITY_SIZE, "%ju-%jd-%jd.%09ld", (uintmax_t)status->st_ino,
                 (intmax_t)status->st_size, (intmax_t)status->st_mtim.tv_sec,
                 status->st_mtim.tv_nsec);
}

int config_file_read(const char *file, struct config_messages *messages,
                     struct config **ret_config) {
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(0);
        struct stat status;
        int r;

        if (!file)
                return config_from_environment(getenv, messages, ret_config);
        r = file_read(file, CONFIG_FILE_MAX, &text, &status);
        if (file_is_short(r))
                return r;
        if (r < 0) {
                config_messages_add(messages, true, file, 0, "cannot be read: %s", file_error(r));
                return -EINVAL;
        }
        r = config_parse(buffer_slice(&text), file, messages, ret_config);
        if (r == 0)
                identify(&status, (*ret_config)->identity);
        return r;
}
