/* SPDX-License-Identifier: MIT */
#include "config_log.h"
#include "base/log.h"

/* With the fields by which systemd names a place in a file. */
static void tell(const char *file, const struct config_message *said) {
        struct log_message message;

        log_begin(&message, said->is_error ? MESSAGE_CONFIG_MISTAKE : MESSAGE_CONFIG_WARNING);
        if (file)
                log_field(&message, "CONFIG_FILE", "%s", file);
        if (said->line > 0)
                log_field(&message, "CONFIG_LINE", "%u", said->line);
        log_send(&message, "%s", said->text);
}

void config_log(const char *file, const struct config_messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                tell(file, &messages->list[i]);
}
