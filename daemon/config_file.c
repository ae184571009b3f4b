/* SPDX-License-Identifier: MIT */
#include <errno.h>
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

int config_file_read(const char *file, struct config_messages *messages,
                     struct config **ret_config) {
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(0);
        int r;

        if (!file)
                return config_from_environment(getenv, messages, ret_config);
        r = file_read(file, CONFIG_FILE_MAX, &text, NULL);
        if (file_is_short(r))
                return r;
        if (r < 0) {
                config_messages_add(messages, true, file, 0, "cannot be read: %s", file_error(r));
                return -EINVAL;
        }
        return config_parse(buffer_slice(&text), file, messages, ret_config);
}
