/* SPDX-License-Identifier: MIT */
/* configuration - the doctor's first check: it is read as bearerd and bearerd-fetch read it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bearer.h"
#include "client/address.h"
#include "client/bearerctl_json.h"
#include "client/doctor/doctor.h"
#include "config_file.h"

#define CHECK "configuration"

static const char *name_of(const char *file) {
        return file ? file : "the environment";
}

/* Where workers ask, as they find it; and then as bearerd does. */
static const char *find_socket(const struct doctor *doctor) {
        const char *named = secure_getenv(ADDRESS_ENVIRONMENT);

        if (doctor->ctl->socket)
                return doctor->ctl->socket;
        if (named && *named)
                return named;
        return doctor->config && *doctor->config->socket ? doctor->config->socket : TOKEN_SOCKET;
}

/* 0; BEARER_E_UNKNOWN: this user has no default; as doctor_ask_tokens(). */
static int ask_default(struct doctor *doctor) {
        _cleanup_json_ struct json_object *answer = NULL;
        int r = doctor_ask_tokens(doctor, &answer);
        const char *name;

        if (r != 0)
                return r;
        name = ctl_json_default(answer);
        if (!name)
                return BEARER_E_UNKNOWN;
        strcpy(doctor->name, name);
        return 0;
}

/* A file that cannot be opened is one for root, or for the operator of this bearerd. Where that
 * does not answer this user, the check of its socket says why. */
static bool unreadable(struct doctor *doctor) {
        const char *file = name_of(doctor->config_file);
        int r = 0;

        if (doctor->ctl->name)
                strcpy(doctor->name, doctor->ctl->name);
        else
                r = ask_default(doctor);
        if (r == BEARER_E_UNKNOWN || (r == -EACCES && !doctor->user.is_caller))
                return report_wrong(&doctor->report, CHECK, "name the token",
                                    "%s is not readable for this user, and bearerd tells it of no "
                                    "default token",
                                    file);
        return report_skip(&doctor->report, CHECK, "%s is not readable for this user: root sees it",
                           file);
}

static bool missing(struct doctor *doctor) {
        return report_wrong(&doctor->report, CHECK,
                            "copy " CONFIGURATION_EXAMPLE " there and fill it in, or name the file "
                            "that bearerd has with --config",
                            "there is no %s", name_of(doctor->config_file));
}

bool doctor_misconfigured(struct doctor *doctor, const char *check, const char *what) {
        const char *file = doctor->ctl->config;
        char mend[PATH_MAX + 128];

        snprintf(mend, sizeof mend,
                 "'bearerd --check-config%s%s' tells every mistake; mend them, then 'systemctl "
                 "reload bearerd'",
                 file ? " --config " : "", file ? file : "");
        return report_wrong(&doctor->report, check, mend, "%s", what);
}

static bool mistaken(struct doctor *doctor, const struct config_messages *messages) {
        const char *first = config_messages_first_error(messages);

        return doctor_misconfigured(doctor, CHECK, first ? first : "it cannot be read");
}

static bool find_token(struct doctor *doctor) {
        const struct config *config = doctor->config;

        doctor->token =
                doctor->ctl->name ? config_find(config, doctor->ctl->name) : config_default(config);
        if (!doctor->token && doctor->ctl->name)
                return report_wrong(
                        &doctor->report, CHECK, "'bearerctl status' lists the tokens, or add it",
                        "%s has no token %s", name_of(doctor->config_file), doctor->ctl->name);
        if (!doctor->token)
                return report_wrong(&doctor->report, CHECK,
                                    "name one, or write default = yes in one",
                                    "%s has %zu tokens, and none is the default",
                                    name_of(doctor->config_file), config->n_tokens);
        strcpy(doctor->name, doctor->token->name);
        return report_ok(&doctor->report, CHECK, "%s: token %s, one of %zu",
                         name_of(doctor->config_file), doctor->name, config->n_tokens);
}

/* What is in the way of reading FILE, or 0. */
static int obstacle(const char *file) {
        return file && access(file, R_OK) < 0 ? errno : 0;
}

bool doctor_check_configuration(struct doctor *doctor) {
        struct config_messages messages = CONFIG_MESSAGES_INIT;
        bool goes_on;
        int r, error;

        doctor->config_file = config_file_choose(doctor->ctl->config);
        error = obstacle(doctor->config_file);
        if (error == ENOENT)
                return missing(doctor);
        if (error == EACCES) {
                doctor->socket = find_socket(doctor);
                return unreadable(doctor);
        }
        r = config_file_read(doctor->config_file, &messages, &doctor->config);
        doctor->socket = find_socket(doctor);
        goes_on = r < 0 ? mistaken(doctor, &messages) : find_token(doctor);
        config_messages_deinit(&messages);
        return goes_on;
}
