/* SPDX-License-Identifier: MIT */
/* check - the configuration and all that it refers to, looked at before anything is asked for. */
#pragma once

/* Says on stderr every mistake in FILE (as of config_file_choose()), every credential of it that
 * cannot be had or used, and what is to be done soon; no secret. 0: all is good; -EINVAL: it is
 * not, and that is said; -ENOMEM, -EMFILE, -ENFILE: it could not be looked at. */
int check_configuration(const char *file);
