/* SPDX-License-Identifier: MIT */
/* settings - the configuration as it counts: read from its file or the environment, with users and
 * groups looked up. Owns all of it; what the broker borrows lives here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "core/broker.h"
#include "wire/config.h"

struct settings {
        struct config *config;
        struct broker_spec *specs; /* of config->tokens, in their order; user points there */
        char *file;                /* for bearerd-fetch --config; NULL: environment */
        gid_t socket_group;        /* (gid_t)-1: as it comes */
        bool has_units;            /* some policy does: who asks must be looked up */
};

struct settings *settings_free(struct settings *settings);
DEFINE_CLEANUP_FREE(settings)

/* FILE as of config_file_choose(). Says every mistake and warning in MESSAGES. 0; -EINVAL: there
 * are mistakes; else the system is in the way: -ENOMEM, -EMFILE and the like. */
int settings_load(const char *file, struct config_messages *messages,
                  struct settings **ret_settings);
