/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "config_file.h"
#include "io/peer.h"
#include "settings.h"

struct settings *settings_free(struct settings *settings) {
        if (!settings)
                return NULL;
        if (settings->specs && settings->config) {
                for (size_t i = 0; i < settings->config->n_tokens; i++) {
                        struct broker_spec *spec = &settings->specs[i];

                        free((void *)(uintptr_t)spec->identity);
                        free((void *)(uintptr_t)spec->account);
                        free((void *)(uintptr_t)spec->policy.users);
                        free((void *)(uintptr_t)spec->policy.groups);
                }
        }
        free(settings->specs);
        free(settings->file);
        config_free(settings->config);
        free(settings);
        return NULL;
}

/* ---- users and groups ---- */

/* Of getpwnam(3): most errnos mean that there is none. */
static int why_not_found(void) {
        switch (errno) {
        case EAGAIN:
        case EINTR:
        case EIO:
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ERANGE:
                return -errno;
        default:
                return -ENOENT;
        }
}

static int find_user(const char *name, uid_t *ret_uid) {
        const struct passwd *user;

        errno = 0;
        user = getpwnam(name);
        if (!user)
                return why_not_found();
        *ret_uid = user->pw_uid;
        return 0;
}

static int find_group(const char *name, gid_t *ret_gid) {
        const struct group *group;

        errno = 0;
        group = getgrnam(name);
        if (!group)
                return why_not_found();
        *ret_gid = group->gr_gid;
        return 0;
}

static void unknown_name(struct config_messages *messages, const char *file,
                         const struct config_token *token, unsigned line, const char *kind,
                         const char *name) {
        config_messages_add(messages, true, file, line,
                            "[token %s] allows the %s '%s', which does not exist: create it, or "
                            "take it out",
                            token->name, kind, name);
}

static int resolve_users(const struct config_token *token, const char *file,
                         struct config_messages *messages, struct policy *policy) {
        uid_t *users = calloc(token->allow_users.n + 1, sizeof *users);

        if (!users)
                return -ENOMEM;
        policy->users = users;
        policy->n_users = token->allow_users.n;
        for (size_t i = 0; i < policy->n_users; i++) {
                int r = find_user(token->allow_users.words[i], &users[i]);

                if (r < 0 && r != -ENOENT)
                        return r;
                if (r < 0)
                        unknown_name(messages, file, token, token->allow_users.line, "user",
                                     token->allow_users.words[i]);
        }
        return 0;
}

static int resolve_groups(const struct config_token *token, const char *file,
                          struct config_messages *messages, struct policy *policy) {
        gid_t *groups = calloc(token->allow_groups.n + 1, sizeof *groups);

        if (!groups)
                return -ENOMEM;
        policy->groups = groups;
        policy->n_groups = token->allow_groups.n;
        for (size_t i = 0; i < policy->n_groups; i++) {
                int r = find_group(token->allow_groups.words[i], &groups[i]);

                if (r < 0 && r != -ENOENT)
                        return r;
                if (r < 0)
                        unknown_name(messages, file, token, token->allow_groups.line, "group",
                                     token->allow_groups.words[i]);
        }
        return 0;
}

/* ---- units ---- */

static void take_units(struct settings *settings, const struct config_token *token,
                       struct config_messages *messages, struct policy *policy) {
        policy->units = token->allow_units.words;
        policy->n_units = token->allow_units.n;
        if (policy->n_units == 0)
                return;
        settings->has_units = true;
        if (!peer_has_unit())
                config_messages_add(messages, false, settings->file, token->allow_units.line,
                                    "[token %s] allows units, but this kernel does not tell who "
                                    "connects (SO_PEERPIDFD, Linux 6.5): nobody gets this token on "
                                    "the token socket, until there is a newer kernel or "
                                    "allow_units is taken out",
                                    token->name);
}

/* ---- what the broker needs to know ---- */

/* Texts joined by newlines, which none of them has. */
/* NULL: out of memory. */
static char *join(const char *a, const char *b, const char *c) {
        char *text;

        return asprintf(&text, "%s\n%s\n%s", a, b, c) < 0 ? NULL : text;
}

static uint64_t add_text(uint64_t hash, const char *text) {
        return hash_bytes(hash, text, strlen(text) + 1);
}

static uint64_t add_list(uint64_t hash, const struct config_list *list) {
        for (size_t i = 0; i < list->n; i++)
                hash = add_text(hash, list->words[i]);
        return add_text(hash, "");
}

static const char *place_of(const struct config_token *token) {
        return *token->token_url ? token->token_url : token->issuer;
}

/* What is granted depends on what is asked for besides, too; that may be long, and what is kept
 * over a restart is small. */
static char *identity_of(const struct config_token *token) {
        char *identity = join(place_of(token), token->client_id, token->scope), *longer;
        uint64_t hash = add_text(HASH_INIT, token->audience);
        int r;

        if (!identity || (!*token->audience && token->resource.n + token->form.n == 0))
                return identity;
        hash = add_list(add_list(hash, &token->resource), &token->form);
        r = asprintf(&longer, "%s\n%016" PRIx64, identity, hash);
        free(identity);
        return r < 0 ? NULL : longer;
}

/* The budget is the client's at its endpoint; what is granted depends on the scope as well. */
static int make_spec(struct settings *settings, const struct config_token *token,
                     struct config_messages *messages, struct broker_spec *spec) {
        int r;

        *spec = (struct broker_spec){
                .name = token->name,
                .identity = identity_of(token),
                .account = join(place_of(token), token->client_id, ""),
                .is_default = token->is_default,
                .terms = token->terms,
                .user = token,
        };
        if (!spec->identity || !spec->account)
                return -ENOMEM;
        take_units(settings, token, messages, &spec->policy);
        r = resolve_users(token, settings->file, messages, &spec->policy);
        if (r < 0)
                return r;
        return resolve_groups(token, settings->file, messages, &spec->policy);
}

static int resolve_socket_group(struct settings *settings, struct config_messages *messages) {
        const struct config *config = settings->config;
        int r;

        settings->socket_group = (gid_t)-1;
        if (!config->socket_group[0])
                return 0;
        r = find_group(config->socket_group, &settings->socket_group);
        if (r == -ENOENT)
                config_messages_add(messages, true, settings->file, config->socket_group_line,
                                    "socket_group '%s' does not exist: create it, or take it out",
                                    config->socket_group);
        return r == -ENOENT ? 0 : r;
}

static int resolve(struct settings *settings, struct config_messages *messages) {
        const struct config *config = settings->config;
        int r;

        settings->specs = calloc(config->n_tokens, sizeof *settings->specs);
        if (!settings->specs)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_tokens; i++) {
                r = make_spec(settings, &config->tokens[i], messages, &settings->specs[i]);
                if (r < 0)
                        return r;
        }
        r = resolve_socket_group(settings, messages);
        if (r < 0)
                return r;
        return messages->n_errors > 0 ? -EINVAL : 0;
}

int settings_load(const char *file, struct config_messages *messages,
                  struct settings **ret_settings) {
        _cleanup_(cleanup_settings) struct settings *settings = calloc(1, sizeof *settings);
        int r;

        if (!settings)
                return -ENOMEM;
        if (file && !(settings->file = strdup(file)))
                return -ENOMEM;
        r = config_file_read(file, messages, &settings->config);
        if (r < 0)
                return r;
        r = resolve(settings, messages);
        if (r < 0)
                return r;
        *ret_settings = settings;
        settings = NULL; /* consumed */
        return 0;
}
