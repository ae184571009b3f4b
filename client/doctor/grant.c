/* SPDX-License-Identifier: MIT */
/* grant - the doctor's last checks: are the credentials accepted, and is the token that comes as it
 * should be. bearerd is asked for a renewal, and its outcome is read; without the control socket,
 * what came of the last one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/timespan.h"
#include "bearer.h"
#include "client/bearerctl_json.h"
#include "client/doctor/doctor.h"
#include "client/standing.h"
#include "core/outcome.h"

/* Beyond the token's own timeout, for the request and one that may be under way. */
#define SLACK           (10 * NSEC_PER_SEC)
#define DEFAULT_TIMEOUT (60 * NSEC_PER_SEC)
/* Between two requests: what is waited for. */
#define SPACING_MAX 2
/* As bearerd's own warning of a short life. */
#define LIFE_MIN 60

#define RELOAD   "mend that, then 'systemctl reload bearerd'"

/* ---- what bearerd says ---- */

/* How many renewals nothing could be sent for. */
static uint64_t count_misconfigured(const struct standing *standing) {
        uint64_t n = ctl_json_number(standing->renewals, "misconfigured");

        return n == NEVER ? 0 : n;
}

/* ---- what is to be said of it ---- */

/* The bearerd-fetch that bearerd could not start, and why; NULL: it was another error. */
static const char *unstarted(struct json_object *error) {
        const char *message = ctl_json_text(error, "message");
        size_t size = strlen(OUTCOME_UNSTARTED);

        return strncmp(message, OUTCOME_UNSTARTED, size) == 0 ? message + size : NULL;
}

/* Which check it is that has failed, of a refusal or failure. */
static const char *check_of(struct json_object *error) {
        const char *kind = ctl_json_text(error, "kind");

        if (unstarted(error))
                return "fetch";
        if (strcmp(kind, "failed") == 0)
                return "endpoint";
        if (strcmp(kind, "denied") == 0 &&
            (strcmp(ctl_json_text(error, "upstream_error"), "invalid_scope") == 0 ||
             strcmp(ctl_json_text(error, "upstream_error"), "access_denied") == 0))
                return "scope";
        return "credentials";
}

static bool tell_error(struct doctor *doctor, struct json_object *token) {
        struct json_object *error = ctl_json_object(token, "last_error");
        const char *kind = ctl_json_text(error, "kind");
        const char *fetch = unstarted(error);
        const char *words = fetch                                ? "bearerd has no bearerd-fetch"
                            : strcmp(kind, "denied") == 0        ? "the endpoint refuses"
                            : strcmp(kind, "misconfigured") == 0 ? "bearerd-fetch cannot read them"
                                                                 : "no token came";

        const char *mend = fetch ? doctor_mend_fetch(fetch)
                           : strcmp(kind, "failed") == 0
                                   ? "bearerd goes on trying; if it stays, ask the provider"
                                   : RELOAD;

        return report_wrong(&doctor->report, check_of(error), mend, "%s: %s", words,
                            ctl_json_text(error, "message"));
}

/* Whether the list WORDS, with one space between two, has WORD. */
static bool has_word(const char *words, struct slice word) {
        struct slice rest = slice_of(words), each;

        while (slice_cut(&rest, ' ', &each))
                if (each.size == word.size && memcmp(each.data, word.data, word.size) == 0)
                        return true;
        return false;
}

/* RFC 6749 5.1: an endpoint that does not say the scope grants what was asked for. */
static bool check_scope(struct doctor *doctor, struct json_object *token) {
        const char *granted = ctl_json_text(token, "scope");
        struct slice rest, word;

        if (!doctor->token)
                return report_skip(&doctor->report, "scope",
                                   "what is asked for is in the configuration, which this user "
                                   "cannot read");
        rest = slice_of(doctor->token->scope);
        while (*granted && slice_cut(&rest, ' ', &word))
                if (!has_word(granted, word))
                        return report_wrong(&doctor->report, "scope",
                                            "have the client permitted it at the provider, or mend "
                                            "scope in bearerd.conf",
                                            "%.*s was asked for and not granted, but: %s",
                                            (int)word.size, word.data, granted);
        if (!*doctor->token->scope)
                return report_ok(&doctor->report, "scope", "none was asked for");
        return report_ok(&doctor->report, "scope", "%s is granted", doctor->token->scope);
}

/* Of a token that is not new, what is left says at least that it lived for so long. */
static bool check_lifetime(struct doctor *doctor, struct json_object *token, bool is_new) {
        uint64_t left = ctl_json_number(token, "expires_in");

        if (left == NEVER)
                return report_skip(&doctor->report, "lifetime", "it is not known");
        if (left >= LIFE_MIN)
                return report_ok(&doctor->report, "lifetime", "valid for %" PRIu64 " s more", left);
        if (!is_new)
                return report_skip(&doctor->report, "lifetime",
                                   "%" PRIu64 " s are left, and the token is not new", left);
        return report_wrong(&doctor->report, "lifetime", "ask for longer lives at the provider",
                            "a new token lives for %" PRIu64 " s, which leaves no time to renew it",
                            left + 1);
}

static bool used_up(struct doctor *doctor, uint64_t limit, uint64_t next) {
        return report_wrong(&doctor->report, "budget",
                            "wait, and look who has tokens renewed ('bearerctl status', the "
                            "journal), or raise requests_per_minute",
                            "all %" PRIu64 " requests of the last 60 s are used up, the next may "
                            "be sent in %" PRIu64 " s",
                            limit, next == NEVER ? 60 : next);
}

static bool check_budget(struct doctor *doctor, struct json_object *token) {
        struct json_object *budget = ctl_json_object(token, "budget");
        uint64_t left = ctl_json_number(budget, "left"), limit = ctl_json_number(budget, "limit");

        if (left == NEVER || limit == NEVER)
                return report_skip(&doctor->report, "budget",
                                   "that takes the control socket: root");
        if (left == 0 && doctor->request == REQUEST_NONE)
                return used_up(doctor, limit, ctl_json_number(budget, "next"));
        return report_ok(&doctor->report, "budget",
                         "%" PRIu64 " of %" PRIu64 " requests a minute are left", left, limit);
}

static bool check_token(struct doctor *doctor, struct json_object *token, bool is_new) {
        return check_scope(doctor, token) && check_lifetime(doctor, token, is_new) &&
               check_budget(doctor, token);
}

/* What came of the last renewal; WHY none is made now. */
static bool judge_last(struct doctor *doctor, struct json_object *token, const char *why) {
        uint64_t failures = ctl_json_number(token, "failures");

        if (ctl_json_object(token, "last_error") && failures != NEVER && failures > 0)
                return tell_error(doctor, token);
        if (!ctl_json_flag(token, "valid"))
                return report_skip(&doctor->report, "credentials",
                                   "no token yet, and none is asked for now: %s", why) &&
                       check_budget(doctor, token);
        report_ok(&doctor->report, "credentials", "accepted at the last renewal; not tried now: %s",
                  why);
        return check_token(doctor, token, false);
}

/* ---- a renewal ---- */

static bool fail_ask(struct doctor *doctor, const char *check, int r) {
        return report_wrong(&doctor->report, check, ctl_control_advice(r),
                            "bearerd on its control socket: %s", ctl_text(r));
}

/* Of what bearerd ANSWERed with, or, without that, of the renewal that was under way. */
static bool judge_renewal(struct doctor *doctor, const struct standing *before,
                          struct json_object *answer) {
        _cleanup_(standing_deinit) struct standing after = STANDING_INIT;
        uint64_t timeout = doctor->token ? 2 * doctor->token->timeout + SLACK : DEFAULT_TIMEOUT;
        int r = standing_wait(doctor->ctl, before, answer, timeout, &after);

        if (r == -ETIME)
                return report_wrong(&doctor->report, "endpoint",
                                    "'journalctl -u bearerd -u bearerd-fetch@*' says more",
                                    "no outcome of the token request came in time");
        if (r == -ECANCELED)
                return report_wrong(&doctor->report, "credentials", "run the doctor again",
                                    "bearerd was restarted meanwhile");
        if (r != 0)
                return fail_ask(doctor, "credentials", r);
        if (count_misconfigured(&after) > count_misconfigured(before))
                doctor->request = REQUEST_NONE; /* nothing could be sent */
        if (ctl_json_object(after.token, "last_error"))
                return tell_error(doctor, after.token);
        report_ok(&doctor->report, "credentials", "accepted: there is a new token");
        return check_token(doctor, after.token, true);
}

/* bearerd sends it later, which is to be said: it is the one request. */
static bool judge_later(struct doctor *doctor, struct json_object *token,
                        struct json_object *answer) {
        const char *waits_for = ctl_json_text(answer, "waits_for");
        uint64_t seconds = ctl_json_number(answer, "next_attempt");
        char why[128];

        snprintf(why, sizeof why, "%s, bearerd renews it in %" PRIu64 " s",
                 strcmp(waits_for, "spacing") == 0 ? "the last renewal has just been"
                                                   : "requests are spaced",
                 seconds == NEVER ? 60 : seconds);
        doctor->request = REQUEST_FOLLOWS;
        if (strcmp(waits_for, "retry_after") == 0)
                return report_wrong(&doctor->report, "endpoint", "wait; bearerd honours it",
                                    "it has asked not to be asked for %" PRIu64
                                    " s more (Retry-After)",
                                    seconds == NEVER ? 3600 : seconds);
        return judge_last(doctor, token, why);
}

static bool renew(struct doctor *doctor) {
        _cleanup_(standing_deinit) struct standing standing = STANDING_INIT;
        _cleanup_json_ struct json_object *answer = NULL;
        int r = standing_ask(doctor->ctl, doctor->name, &standing);

        if (r == 0)
                r = standing_renew(doctor->ctl, doctor->name, &answer);
        if (r != 0)
                return fail_ask(doctor, "credentials", r);
        if (standing_renewal_is(answer, "later"))
                return judge_later(doctor, standing.token, answer);
        doctor->request = REQUEST_MADE;
        return judge_renewal(doctor, &standing, answer);
}

static void pause_for(uint64_t seconds) {
        struct timespec pause = {(time_t)seconds, 0};

        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static bool check_with_control(struct doctor *doctor, const struct standing *standing) {
        struct json_object *token = standing->token;
        struct json_object *budget = ctl_json_object(token, "budget");
        uint64_t left = ctl_json_number(budget, "left"), next = ctl_json_number(budget, "next");

        if (doctor->ctl->no_request)
                return judge_last(doctor, token, "--no-request");
        if (ctl_json_flag(token, "fetching"))
                return judge_renewal(doctor, standing, NULL);
        if (left == 0)
                return judge_last(doctor, token, "the budget of requests is used up");
        if (next == NEVER || next > SPACING_MAX)
                return judge_last(doctor, token,
                                  "bearerd has been started just now, its first requests are "
                                  "spaced");
        pause_for(next);
        return renew(doctor); /* of what is there by now */
}

/* As workers see it. */
static bool check_without_control(struct doctor *doctor, const char *why) {
        _cleanup_json_ struct json_object *answer = NULL;
        struct json_object *token = NULL;

        if (doctor_ask_tokens(doctor, &answer) == 0)
                token = ctl_json_token(answer, doctor->name);
        if (!token)
                return report_skip(&doctor->report, "credentials",
                                   "this user may not have the token, and so not see it");
        return judge_last(doctor, token, why);
}

/* Why bearerd cannot be asked as an operator; NULL: that is no reason, but wrong. */
static const char *why_no_control(const struct doctor *doctor, int r) {
        if (r == -EACCES)
                return "that takes the control socket: root";
        if (r == -ENOENT && !doctor->ctl->control)
                return "there is no control socket";
        return NULL;
}

/* Where bearerd has its bearerd-fetch, if that leads there from here as well: a relative path does
 * not. */
static void note_fetch(struct doctor *doctor, struct json_object *answer) {
        const char *fetch = ctl_json_text(answer, "fetch");

        if (*fetch == '/' || strncmp(fetch, "unix:/", strlen("unix:/")) == 0)
                doctor->fetch = strdup(fetch);
}

/* It may have more names than one, and bearerd another one than who calls. */
static bool is_same_file(const char *one, const char *other) {
        struct stat first, second;

        return strcmp(one, other) == 0 ||
               (stat(one, &first) == 0 && stat(other, &second) == 0 &&
                first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

/* Whether bearerd has the file as it is now. One that does not say what it has is believed. */
static bool check_identity(struct doctor *doctor, struct json_object *answer) {
        struct json_object *loaded = ctl_json_object(answer, "config");
        const char *file = ctl_json_text(loaded, "file");

        doctor->is_unloaded =
                loaded && doctor->config && doctor->config_file &&
                strcmp(ctl_json_text(loaded, "identity"), doctor->config->identity) != 0;
        if (doctor->is_unloaded && !is_same_file(file, doctor->config_file))
                return report_warn(&doctor->report, "loaded", "name that by --config",
                                   "bearerd has read %s, not %s", file, doctor->config_file);
        note_fetch(doctor, answer); /* which reads this file, too, and as it is now */
        if (doctor->is_unloaded)
                return report_warn(&doctor->report, "loaded", "systemctl reload bearerd",
                                   "%s was edited since bearerd read it", file);
        return report_ok(&doctor->report, "loaded", "bearerd has token %s", doctor->name);
}

bool doctor_check_loaded(struct doctor *doctor) {
        _cleanup_(standing_deinit) struct standing standing = STANDING_INIT;
        int r = standing_ask(doctor->ctl, doctor->name, &standing);
        const char *why = why_no_control(doctor, r);

        if (why)
                return report_skip(&doctor->report, "loaded", "%s", why);
        if (r != 0)
                return fail_ask(doctor, "loaded", r);
        if (!ctl_json_flag(standing.status.answer, "config_right"))
                return doctor_misconfigured(doctor, "loaded",
                                            "the configuration was wrong when bearerd read it "
                                            "last: what it had before counts");
        if (!standing.token)
                return report_wrong(&doctor->report, "loaded", "systemctl reload bearerd",
                                    "bearerd has not read of token %s yet", doctor->name);
        return check_identity(doctor, standing.status.answer);
}

bool doctor_check_grant(struct doctor *doctor) {
        _cleanup_(standing_deinit) struct standing standing = STANDING_INIT;
        int r = standing_ask(doctor->ctl, doctor->name, &standing);
        const char *why = why_no_control(doctor, r);

        if (why)
                return check_without_control(doctor, why);
        if (r != 0 || !standing.token)
                return fail_ask(doctor, "credentials", r != 0 ? r : BEARER_E_UNKNOWN);
        return check_with_control(doctor, &standing);
}
