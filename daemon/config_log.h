/* SPDX-License-Identifier: MIT */
/* config_log - what there is to say about a configuration, in bearerd's log. */
#pragma once

#include "wire/config.h"

/* Of FILE, as config_file_choose() gave it. */
void config_log(const char *file, const struct config_messages *messages);
