/* SPDX-License-Identifier: MIT */
/* peer - the doctor's look from the workers' side: may their user open the socket, does bearerd
 * answer there, and may they have the token. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <json-c/json.h>

#include "bearer.h"
#include "client/address.h"
#include "client/ask.h"
#include "client/bearerctl_json.h"
#include "client/doctor/doctor.h"
#include "client/socketgroup.h"

/* Where modes and groups alone do not say what is in the way. */
#define LOOK_ABOVE "look at the directories above, and for access lists (getfacl)"

/* ---- the group ---- */

static bool process_is_in(gid_t gid) {
        gid_t groups[1024];
        int n = getgroups(1024, groups);

        for (int i = 0; i < n; i++)
                if (groups[i] == gid)
                        return true;
        return getegid() == gid;
}

static bool check_member(struct doctor *doctor, const struct stat *status, const char *group) {
        if (doctor->user.is_caller && !process_is_in(status->st_gid))
                return report_wrong(&doctor->report, "group",
                                    "log in anew, or start the service anew",
                                    "%s is in group %s, but this session began before that",
                                    doctor->user.name, group);
        return report_ok(&doctor->report, "group", "%s is in group %s, which may open the socket",
                         doctor->user.name, group);
}

static bool check_stranger(struct doctor *doctor, const char *path, const struct stat *status,
                           const char *group) {
        const char *lets_group_in = socketgroup_mend(path, status);
        char mend[512];

        if (lets_group_in)
                return report_wrong(&doctor->report, "group", lets_group_in,
                                    "%s may not open the socket, whose mode %04o and group %s let "
                                    "no group of users in",
                                    doctor->user.name, status->st_mode & 07777, group);
        snprintf(mend, sizeof mend, USER_ADD, group, doctor->user.name);
        return report_wrong(&doctor->report, "group", mend,
                            "%s is not in group %s, which may open the socket", doctor->user.name,
                            group);
}

bool doctor_check_group(struct doctor *doctor) {
        const struct user *user = &doctor->user;
        struct sockaddr_un address;
        struct stat status;
        char group[GROUP_NAME_SIZE];

        if (address_read(doctor->socket, &address) < 0 || stat(address.sun_path, &status) < 0)
                return report_skip(&doctor->report, "group", "this user may not see the socket");
        group_name(status.st_gid, group, sizeof group);
        if (!user_may(user, &status, 2))
                return check_stranger(doctor, address.sun_path, &status, group);
        if (user->uid == 0 || user->uid == status.st_uid || (status.st_mode & S_IWOTH) != 0)
                return report_ok(&doctor->report, "group", "%s may open the socket without one",
                                 user->name);
        return check_member(doctor, &status, group);
}

/* ---- the socket ---- */

int doctor_ask_tokens(const struct doctor *doctor, struct json_object **ret_answer) {
        _cleanup_(cleanup_connection) struct connection *connection = NULL;
        struct http1_response response;
        struct json_object *answer, *tokens;
        struct sockaddr_un address;
        int r = address_read(doctor->socket, &address);

        if (r == 0)
                r = ask(&address, "GET", "/v1/tokens", NULL, &connection, &response);
        if (r != 0)
                return r;
        if (response.status == 503)
                return BEARER_E_UNAVAILABLE;
        if (response.status == 429)
                return BEARER_E_BUSY;
        answer = response.status == 200 ? ctl_json_parse(response.body) : NULL;
        if (!ctl_json_tokens(answer, &tokens)) {
                json_object_put(answer);
                return BEARER_E_PROTOCOL;
        }
        *ret_answer = answer;
        return 0;
}

bool doctor_check_socket(struct doctor *doctor) {
        _cleanup_json_ struct json_object *answer = NULL;
        int r = doctor_ask_tokens(doctor, &answer);

        if (r == -EACCES && !doctor->user.is_caller)
                return report_skip(&doctor->report, "socket", "only %s and root may ask there",
                                   doctor->user.name);
        if (r == BEARER_E_UNAVAILABLE)
                return doctor_misconfigured(doctor, "socket",
                                            "bearerd answers, but its configuration is wrong, so "
                                            "that it has no tokens");
        if (r != 0)
                return report_wrong(&doctor->report, "socket",
                                    r == -EACCES ? LOOK_ABOVE : ctl_advice(r), "%s: %s",
                                    doctor->socket, bearer_strerror(r));
        return report_ok(&doctor->report, "socket", "bearerd answers at %s", doctor->socket);
}

/* ---- the peer ---- */

/* 1: it may have the token; 0: it may not; -errno, or the negative of BEARER_E_*. */
static int may_have(const struct doctor *doctor) {
        _cleanup_json_ struct json_object *answer = NULL;
        int r = doctor_ask_tokens(doctor, &answer);

        if (r != 0)
                return r < 0 ? r : -EIO;
        return ctl_json_token(answer, doctor->name) ? 1 : 0;
}

static int become(const struct user *user) {
        if (setgroups((size_t)user->n_groups, user->groups) < 0 ||
            setresgid(user->gid, user->gid, user->gid) < 0 ||
            setresuid(user->uid, user->uid, user->uid) < 0)
                return -errno;
        return 0;
}

/* As may_have(), in a process that becomes the user: bearerd goes by what the kernel says. */
static int may_user_have(const struct doctor *doctor) {
        _cleanup_close_ int ours = -1;
        int ends[2], result = -EIO;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        ours = ends[0];
        pid = fork();
        if (pid == 0) {
                result = become(&doctor->user);
                if (result == 0)
                        result = may_have(doctor);
                _exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
        }
        close(ends[1]);
        if (pid < 0)
                return -errno;
        if (read(ours, &result, sizeof result) != sizeof result)
                result = -EIO;
        waitpid(pid, NULL, 0);
        return result;
}

static void add_list(struct buffer *out, const char *key, const struct config_list *list) {
        if (list->n == 0)
                return;
        buffer_printf(out, "%s%s =", out->size > 0 ? "; " : "", key);
        for (size_t i = 0; i < list->n; i++)
                buffer_printf(out, " %s", list->words[i]);
}

static bool refused(struct doctor *doctor) {
        _cleanup_(buffer_deinit) struct buffer lists = BUFFER_INIT(2048);
        const struct config_token *token = doctor->token;

        if (!token)
                return report_wrong(&doctor->report, "peer",
                                    "see allow_users, allow_groups, allow_units in bearerd.conf",
                                    "%s may not have token %s, or there is none", doctor->user.name,
                                    doctor->name);
        if (doctor->is_unloaded)
                return report_wrong(&doctor->report, "peer", "systemctl reload bearerd",
                                    "%s may not have token %s by what bearerd has read, which is "
                                    "not %s as it is now",
                                    doctor->user.name, doctor->name, doctor->config_file);
        add_list(&lists, "allow_users", &token->allow_users);
        add_list(&lists, "allow_groups", &token->allow_groups);
        add_list(&lists, "allow_units", &token->allow_units);
        buffer_append_char(&lists, 0);
        if (buffer_error(&lists) < 0 || lists.size == 1)
                return report_wrong(&doctor->report, "peer", "systemctl reload bearerd",
                                    "bearerd does not have token %s, or does not give it to %s, "
                                    "though the file does",
                                    doctor->name, doctor->user.name);
        if (token->allow_units.n > 0)
                return report_skip(&doctor->report, "peer",
                                   "%s has it in its units alone, which cannot be tried from here: "
                                   "%s",
                                   doctor->user.name, lists.data);
        return report_wrong(&doctor->report, "peer",
                            "add the user or group there, then 'systemctl reload bearerd'",
                            "%s may not have token %s: %s", doctor->user.name, doctor->name,
                            lists.data);
}

bool doctor_check_peer(struct doctor *doctor) {
        int r;

        if (!doctor->user.is_caller && geteuid() != 0)
                return report_skip(&doctor->report, "peer", "only root can ask as %s",
                                   doctor->user.name);
        r = doctor->user.is_caller ? may_have(doctor) : may_user_have(doctor);
        if (r < 0)
                return report_wrong(&doctor->report, "peer", LOOK_ABOVE, "%s cannot ask at %s: %s",
                                    doctor->user.name, doctor->socket, bearer_strerror(r));
        if (r == 0)
                return refused(doctor);
        return report_ok(&doctor->report, "peer", "%s may have token %s", doctor->user.name,
                         doctor->name);
}
