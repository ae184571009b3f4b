/* SPDX-License-Identifier: MIT */
/* paths - the doctor's look at each file on the way: is it there, whose is it, who may use it. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"
#include "client/doctor/doctor.h"
#include "client/socketgroup.h"

#define CHECK "path"

/* "0660 root:bearer". */
static void describe(const struct stat *status, char *text, size_t size) {
        const struct passwd *user = getpwuid(status->st_uid);
        char uid[16], group[GROUP_NAME_SIZE];

        snprintf(uid, sizeof uid, "%u", status->st_uid);
        group_name(status->st_gid, group, sizeof group);
        snprintf(text, size, "%04o %s:%s", status->st_mode & 07777, user ? user->pw_name : uid,
                 group);
}

#define DESCRIPTION_MAX 600

static bool good(struct doctor *doctor, const char *path, const struct stat *status) {
        char description[DESCRIPTION_MAX];

        describe(status, description, sizeof description);
        return report_ok(&doctor->report, CHECK, "%s: %s", path, description);
}

static bool bad(struct doctor *doctor, const char *path, const struct stat *status,
                const char *what, const char *mend) {
        char description[DESCRIPTION_MAX];

        describe(status, description, sizeof description);
        return report_wrong(&doctor->report, CHECK, mend, "%s: %s: %s", path, description, what);
}

/* What lies on the way to a path that this user may not pass is not known. */
static bool missing(struct doctor *doctor, const char *path, int error, const char *mend) {
        if (error == EACCES)
                return report_skip(&doctor->report, CHECK, "%s: this user may not look at it",
                                   path);
        return report_wrong(&doctor->report, CHECK, mend, "%s: %s", path, bearer_strerror(-error));
}

static bool others_write(const struct stat *status) {
        return (status->st_mode & S_IWOTH) != 0 && (status->st_mode & S_ISVTX) == 0;
}

/* ---- the configuration and what it names ---- */

static bool check_config_file(struct doctor *doctor) {
        struct stat status;

        if (!doctor->config_file)
                return true;
        if (stat(doctor->config_file, &status) < 0)
                return missing(doctor, doctor->config_file, errno, "put it there");
        if (others_write(&status))
                return bad(doctor, doctor->config_file, &status,
                           "whoever writes to it has the secret sent elsewhere", "chmod o-w it");
        return good(doctor, doctor->config_file, &status);
}

/* As bearerd-fetch wants it; whose it may be besides root's depends on what that runs as. */
static bool check_credential(struct doctor *doctor, const char *reference, bool is_public) {
        const char *path = reference + strlen("file:");
        struct stat status;

        if (strncmp(reference, "file:", strlen("file:")) != 0)
                return true;
        if (stat(path, &status) < 0)
                return missing(doctor, path, errno, "put the credential there, mode 0600");
        if (!S_ISREG(status.st_mode))
                return bad(doctor, path, &status, "a credential must be a regular file",
                           "put the credential there, mode 0600");
        if (!is_public && (status.st_mode & 077) != 0)
                return bad(doctor, path, &status, "others than its owner may use the credential",
                           "chmod 600 it");
        return good(doctor, path, &status);
}

static bool check_credentials(struct doctor *doctor) {
        const struct config_token *token = doctor->token;
        const char *const references[] = {
                token->client_id,   token->client_secret,
                token->private_key, token->private_key_passphrase,
                token->proxy_user,  token->proxy_password,
        };

        for (size_t i = 0; i < sizeof references / sizeof *references; i++)
                if (!check_credential(doctor, references[i], false))
                        return false;
        return check_credential(doctor, token->client_certificate, true);
}

static bool check_ca_file(struct doctor *doctor) {
        const char *path = doctor->token->tls_ca_file;
        struct stat status;

        if (!*path)
                return true;
        if (stat(path, &status) < 0)
                return missing(doctor, path, errno,
                               "put the certificates there, or mend tls_ca_file");
        if (others_write(&status))
                return bad(doctor, path, &status, "whoever writes to it can pose as the endpoint",
                           "chmod o-w it");
        return good(doctor, path, &status);
}

/* ---- sockets ---- */

/* What is private is not to be opened to everybody where a group will do, and that not root's. */
static bool closed(struct doctor *doctor, const char *path, const struct stat *status) {
        const struct user *user = &doctor->user;
        char group[GROUP_NAME_SIZE], mend[GROUP_NAME_SIZE + 2 * USER_NAME_MAX];

        group_name(status->st_gid, group, sizeof group);
        if (user->uid == status->st_uid)
                snprintf(mend, sizeof mend, "chmod u+x it");
        else if ((status->st_mode & S_IXGRP) != 0 && status->st_gid != 0)
                snprintf(mend, sizeof mend, USER_ADD, group, user->name);
        else
                snprintf(mend, sizeof mend,
                         "chgrp it to a group of %s and chmod g+x it, or, if everybody may pass "
                         "it, chmod o+x it",
                         user->name);
        return bad(doctor, path, status, "the user may not pass it, and so not reach the socket",
                   mend);
}

/* Each directory on the way to PATH lets the user pass. */
static bool check_way(struct doctor *doctor, const char *path) {
        char part[sizeof((struct sockaddr_un *)0)->sun_path + 1];
        const char *slash = path;
        struct stat status;

        while ((slash = strchr(slash + 1, '/'))) {
                snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
                if (stat(part, &status) < 0)
                        return missing(doctor, part, errno,
                                       "start what makes it (systemctl start bearerd.socket), or "
                                       "see --socket");
                if (!user_may(&doctor->user, &status, 1))
                        return closed(doctor, part, &status);
        }
        return true;
}

static bool check_directory(struct doctor *doctor, const char *path) {
        const char *slash = strrchr(path, '/');
        char part[sizeof((struct sockaddr_un *)0)->sun_path + 1] = ".";
        struct stat status;

        if (slash)
                snprintf(part, sizeof part, "%.*s", slash > path ? (int)(slash - path) : 1, path);
        if (stat(part, &status) < 0)
                return missing(doctor, part, errno, "start what makes it");
        if (others_write(&status))
                return bad(doctor, part, &status, "anyone may put another socket there",
                           "chmod o-w it");
        return good(doctor, part, &status);
}

static bool check_token_socket(struct doctor *doctor) {
        struct sockaddr_un address;
        struct stat status;
        int r = address_read(doctor->socket, &address);

        if (r < 0)
                return report_wrong(&doctor->report, CHECK, "a path or unix:///path is needed",
                                    "the socket %s: %s", doctor->socket, bearer_strerror(r));
        if (!check_way(doctor, address.sun_path) || !check_directory(doctor, address.sun_path))
                return false;
        if (stat(address.sun_path, &status) < 0)
                return missing(doctor, address.sun_path, errno,
                               "start it (systemctl start bearerd.socket), or see --socket");
        if (!S_ISSOCK(status.st_mode))
                return bad(doctor, address.sun_path, &status, "it is no socket",
                           "look who has put it there, then restart bearerd.socket");
        return good(doctor, address.sun_path, &status);
}

/* In the foreground there may be none. */
static bool check_control_socket(struct doctor *doctor) {
        struct sockaddr_un address;
        struct stat status;
        int r = ask_control_address(doctor->ctl->control, &address);

        if (r < 0)
                return report_wrong(&doctor->report, CHECK, "a path or unix:///path is needed",
                                    "the socket of --control or $" CONTROL_ENVIRONMENT ": %s",
                                    bearer_strerror(r));
        if (stat(address.sun_path, &status) < 0 && errno == ENOENT && !doctor->ctl->control)
                return report_skip(&doctor->report, CHECK, "%s: not there", address.sun_path);
        if (stat(address.sun_path, &status) < 0)
                return missing(doctor, address.sun_path, errno,
                               "start it (systemctl start bearerd-control.socket), or see "
                               "--control");
        if ((status.st_mode & S_IWOTH) != 0)
                return bad(doctor, address.sun_path, &status,
                           "anyone may have tokens renewed and see all peers",
                           "take o+w out of SocketMode= of bearerd-control.socket");
        return good(doctor, address.sun_path, &status);
}

bool doctor_check_paths(struct doctor *doctor) {
        if (!check_config_file(doctor))
                return false;
        if (doctor->token && (!check_credentials(doctor) || !check_ca_file(doctor)))
                return false;
        return check_token_socket(doctor) && check_control_socket(doctor);
}
