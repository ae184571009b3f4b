/* SPDX-License-Identifier: MIT */
/* config - what bearerd.conf says, read by bearerd and by bearerd-fetch alike.
 *
 * Owns all its strings. Reading takes text and gives values: no file is opened here, no user or
 * group looked up, no credential read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/slice.h"
#include "core/terms.h"
#include "wire/client_auth.h"
#include "wire/metadata.h"

#define CONFIG_FILE_MAX        ((size_t)1 << 20) /* bytes */
#define CONFIG_TOKENS_MAX      ((size_t)1024)
#define CONFIG_CONNECTIONS_MAX 65536
#define CONFIG_LIST_MAX        ((size_t)64) /* words in allow_users and the like */
#define CONFIG_LINES_MAX       ((size_t)16) /* of a key that may be there repeatedly */
#define CONFIG_MESSAGES_MAX    ((size_t)64) /* mistakes told; the last one then counts the rest */

enum config_basic_encoding {
        CONFIG_BASIC_RFC6749, /* id and secret form-urlencoded first, RFC 6749 2.3.1 */
        CONFIG_BASIC_RAW,     /* as they are */
};

/* What is put on record of who has had a token. */
enum config_audit {
        CONFIG_AUDIT_NONE,
        CONFIG_AUDIT_FIRST, /* whoever gets a generation for the first time, and refusals */
        CONFIG_AUDIT_ALL,   /* whenever a token is given, and refusals */
};

enum config_http_version {
        CONFIG_HTTP_1_1,
        CONFIG_HTTP_2,
};

/* A list of words, or of lines; a NULL ends it. */
struct config_list {
        char **words;
        size_t n;
        unsigned line; /* 0: not in the file */
};

struct config_token {
        char *name; /* [a-z0-9][a-z0-9_-]{0,31} */
        unsigned line;
        bool is_default;
        char *token_url;              /* "": of the issuer */
        char *issuer;                 /* "": none */
        enum metadata_kind discovery; /* how it says what its token_url is */
        char *scope;                  /* "": none is asked for */
        struct config_list resource;  /* RFC 8707 */
        char *audience;               /* "": none */
        struct config_list form;      /* NAME=VALUE each, as they are */
        struct config_list headers;   /* NAME: VALUE each */
        char *practice_id;            /* "": none */
        char *client_id;              /* credential:NAME, env:NAME, file:/path, or the id itself */
        enum client_auth client_auth;
        enum grant_type grant;
        char *subject;       /* of an assertion that is asked with; "": it has none */
        char *client_secret; /* credential:NAME, env:NAME, file:/path; "": none */
        enum config_basic_encoding basic_encoding;
        char *private_key;            /* as client_secret */
        char *private_key_passphrase; /* as client_secret */
        char *client_certificate;     /* as client_secret */
        enum signing_algorithm signing_algorithm;
        char *key_id;                /* "": the key's own, if it has one */
        char *assertion_audience;    /* "token_url" or "", "issuer": their values */
        uint64_t assertion_lifetime; /* ns */
        bool assertion_client_id;    /* client_id is in the form as well */
        char *tls_ca_file;           /* "": the system's */
        char *tls_pinned_key;        /* "": any that verifies */
        char *proxy;                 /* "": none */
        char *proxy_user;            /* as client_id; "": none */
        char *proxy_password;        /* as client_secret */
        char *source_address;        /* "": any */
        enum config_http_version http_version;
        uint64_t connect_timeout;    /* ns */
        uint64_t timeout;            /* ns, over the whole request */
        uint64_t default_expires_in; /* ns */
        struct config_list allow_users;
        struct config_list allow_groups;
        struct config_list allow_units; /* patterns */
        struct terms terms;
};

/* Three numbers, and what is between them. */
#define CONFIG_IDENTITY_SIZE 80

struct config {
        char identity[CONFIG_IDENTITY_SIZE]; /* of the file when it was read; "": there is none */
        char *socket;       /* "": the default path, or the one that systemd passes */
        char *socket_group; /* "": bearerd's own */
        unsigned socket_group_line;
        unsigned socket_mode;
        unsigned user_connections; /* of one user, and the next two as well */
        unsigned user_waiting;
        unsigned user_requests_per_second;
        enum config_audit audit;
        struct config_token *tokens;
        size_t n_tokens;
};

/* What is to be said about a configuration: every mistake, not the first alone. */
struct config_message {
        bool is_error; /* or a warning */
        unsigned line; /* 0: of none */
        char *text;    /* "FILE:LINE: what, and what to do" */
};

struct config_messages {
        struct config_message list[CONFIG_MESSAGES_MAX];
        size_t n;
        size_t n_errors;   /* told or not */
        size_t n_left_out; /* that the last one counts */
        int error;         /* 0; -ENOMEM: one was lost */
};

#define CONFIG_MESSAGES_INIT ((struct config_messages){0})

void config_messages_deinit(struct config_messages *messages);
/* The text of the first mistake; NULL: there is none. */
const char *config_messages_first_error(const struct config_messages *messages);
/* Adds one, in the order of lines, those without a line last; FILE may be NULL, LINE 0. */
void config_messages_add(struct config_messages *messages, bool is_error, const char *file,
                         unsigned line, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

struct config *config_free(struct config *config);
DEFINE_CLEANUP_FREE(config)

/* Reads TEXT, the content of FILE. 0 with *ret_config, and perhaps warnings in MESSAGES; -EINVAL:
 * MESSAGES has every mistake; -ENOMEM. No message repeats what is in TEXT: what is in the wrong
 * place may be a secret. */
int config_parse(struct slice text, const char *file, struct config_messages *messages,
                 struct config **ret_config);

/* One token named "default" from BEARERD_CLIENT_ID and the like, as GET (getenv) has them. Its
 * credentials become "env:BEARERD_CLIENT_ID" and so on: no secret enters a struct config. Errors as
 * above. */
int config_from_environment(char *(*get)(const char *name), struct config_messages *messages,
                            struct config **ret_config);

/* NULL if there is none. */
const struct config_token *config_find(const struct config *config, const char *name);
/* The one with default = yes, or the only one, or NULL. */
const struct config_token *config_default(const struct config *config);
