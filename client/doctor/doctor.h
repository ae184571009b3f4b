/* SPDX-License-Identifier: MIT */
/* doctor - walks the whole path of one token, from the configuration to the endpoint, and names the
 * first thing that is wrong, with how to mend it.
 *
 * Has no right that its user has not: what takes more is skipped, and that is said. It reads the
 * configuration, but no credential: bearerd-fetch alone does, when bearerd has it renew the token.
 * That is the one token request there may be: a second way to the endpoint would get a token that
 * nobody uses, and that no budget knows of. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "client/bearerctl.h"
#include "client/doctor/report.h"
#include "client/doctor/user.h"
#include "core/name.h"
#include "wire/config.h"

struct json_object;

struct doctor {
        const struct ctl *ctl;
        struct report report;
        enum request request;

        struct user user; /* of the workers */

        const char *config_file;          /* NULL: the environment */
        struct config *config;            /* NULL: it cannot be read here */
        bool is_unloaded;                 /* it is not the one that bearerd has */
        const struct config_token *token; /* NULL as well */
        char name[TOKEN_NAME_MAX + 1];    /* of the token */
        const char *socket;               /* a path, or unix:///path */
        char *fetch;                      /* what bearerd says that makes its requests; or NULL */
};

/* The tokens that whoever this process is may have. 0; -errno or BEARER_E_*. */
int doctor_ask_tokens(const struct doctor *doctor, struct json_object **ret_answer);

/* How a bearerd-fetch that does not answer is mended; FETCH as --fetch has it. */
const char *doctor_mend_fetch(const char *fetch);

/* WHAT is wrong is in the configuration: tells how to find every mistake there. False. */
bool doctor_misconfigured(struct doctor *doctor, const char *check, const char *what);

/* The checks, in their order. False: something is wrong, and told. */
bool doctor_check_configuration(struct doctor *doctor);
bool doctor_check_paths(struct doctor *doctor);
bool doctor_check_group(struct doctor *doctor);
bool doctor_check_socket(struct doctor *doctor);
bool doctor_check_loaded(struct doctor *doctor);
bool doctor_check_peer(struct doctor *doctor);
bool doctor_check_network(struct doctor *doctor);
bool doctor_check_grant(struct doctor *doctor);
