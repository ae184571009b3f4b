/* SPDX-License-Identifier: MIT */
/* config_file - where the configuration comes from, for bearerd and bearerd-fetch alike: the file
 * that was named, the installed one, or the environment. */
#pragma once

#include "wire/config.h"

/* FILE, or else the installed file; NULL where there is none and the environment has a client id:
 * then that is the configuration. */
const char *config_file_choose(const char *file);

/* Reads FILE, as config_file_choose() gave it, and notes its identity: one that was written to
 * since has another. 0; -EINVAL: MESSAGES has every mistake; -ENOMEM, -EMFILE, -ENFILE: it could
 * not be looked at. */
int config_file_read(const char *file, struct config_messages *messages,
                     struct config **ret_config);
