/* SPDX-License-Identifier: MIT */
/* control - what operators may ask on the control socket, and how the answers look
 * (docs/protocol.md). The metrics are written by wire/metrics, of the same values. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "core/name.h"
#include "core/tally.h"
#include "wire/api.h"
#include "wire/openmetrics.h"

/* Of the JSON. What is added leaves it as it is; what would surprise a reader makes it another. */
#define CONTROL_VERSION 1
/* So many users are told of by name, those with the most connections. */
#define CONTROL_USERS_MAX ((size_t)64)

enum control_route {
        CONTROL_STATUS,
        CONTROL_METRICS,
        CONTROL_REFRESH,
};

struct control_request {
        enum control_route route;
        char name[TOKEN_NAME_MAX + 1];  /* REFRESH */
        enum openmetrics_format format; /* METRICS */
};

/* 0; -EBADMSG: *ret_error has the answer. */
int control_request_parse(const struct http1_request *http, struct control_request *ret_request,
                          struct api_error *ret_error);

struct control_token {
        struct api_token_status status;
        uint64_t valid_for; /* ns until it expires; 0 unless valid */
        unsigned budget_limit;
        unsigned budget_left;
        uint64_t budget_next; /* s until it has room; UINT64_MAX: not before a request ends */
        const struct tally *tally;
};

struct control_user {
        uid_t uid;
        uint64_t connections;
        uint64_t waiting;
};

/* Of the socket where workers ask. */
struct control_peers {
        uint64_t connections;
        uint64_t connections_max;
        uint64_t waiting;
        bool rush; /* connections come faster than they are accepted */
        uint64_t users;
        uint64_t accepted;    /* connections, since bearerd started */
        uint64_t turned_away; /* of users who had too many */
        struct control_user most[CONTROL_USERS_MAX];
        size_t n_most;
};

struct control_status {
        const char *version;
        uint64_t started_at;         /* Unix time */
        uint64_t uptime;             /* s */
        bool is_configured;          /* there is a configuration that counts */
        bool is_config_right;        /* the one that was read last was */
        const char *config_file;     /* that counts; NULL: none does, or the environment */
        const char *config_identity; /* of that file when it was read */
        const char *fetch;           /* program, or "unix:" and a path */
        const struct control_token *tokens;
        size_t n_tokens;
        const struct tally *tally; /* of what is about no token */
        const struct control_peers *peers;
};

void control_status_render(struct buffer *out, const struct control_status *status,
                           enum http1_keep_alive keep_alive);

/* What becomes of a refresh. */
enum control_renewal {
        CONTROL_STARTED,
        CONTROL_FOLLOWS, /* the one that is under way */
        CONTROL_LATER,   /* something forbids it now */
};

struct control_refresh {
        const char *name;
        enum control_renewal renewal;
        uint64_t next_attempt; /* LATER: s from now; UINT64_MAX: not known */
        const char *waits_for; /* LATER: "retry_after", "spacing" or "budget" */
};

void control_refresh_render(struct buffer *out, const struct control_refresh *refresh,
                            enum http1_keep_alive keep_alive);

/* What replies and outcomes are called; those that are about a token, and those that are not. */
const char *control_reply_name(enum reply_kind kind);
const char *control_outcome_name(enum outcome_kind kind);
bool control_reply_has_token(enum reply_kind kind);
bool control_reply_has_none(enum reply_kind kind);
