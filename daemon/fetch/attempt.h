/* SPDX-License-Identifier: MIT */
/* attempt - one attempt to get one token: configuration, credentials, request. */
#pragma once

#include "core/outcome.h"
#include "wire/config.h"

/* The token NAME of FILE, borrowed from *RET_CONFIG. 0; -EINVAL, and OUTCOME says what is wrong;
 * -ENOMEM, -EMFILE, -ENFILE. */
int attempt_find(const char *file, const char *name, struct config **ret_config,
                 const struct config_token **ret_token, struct outcome *outcome);

/* Every trouble is an outcome. FILE as of config_file_choose(). */
void attempt_make(const char *file, const char *name, struct outcome *ret_outcome);
