/* SPDX-License-Identifier: MIT */
/* status - asks how the tokens are: GET /v1/status for who may use the control socket, else
 * GET /v1/tokens. */
#pragma once

#include <stdbool.h>

#include "client/bearerctl.h"

struct json_object;

struct status {
        struct connection *connection; /* has the body */
        struct slice body;             /* as bearerd says it */
        struct json_object *answer;
        struct json_object *tokens; /* a list of objects, borrowed from the answer */
        bool is_full;               /* of the control socket, as operators see it */
};

#define STATUS_INIT ((struct status){0})

/* 0; -errno or BEARER_E_*, of the control socket if ret_status->is_full. */
int status_ask(const struct ctl *ctl, struct status *ret_status);
/* The same of the control socket alone. */
int status_ask_operator(const struct ctl *ctl, struct status *ret_status);
void status_deinit(struct status *status);

/* Writes how many ask, as "2 connections of 1 user": what the control socket says besides. */
void status_write_peers(struct buffer *out, struct json_object *answer);
/* Writes how many requests TOKEN's budget has left, as "599 of 600"; nothing: that is not known. */
void status_write_budget(struct buffer *out, struct json_object *token);
/* Writes when TOKEN is renewed, and what went wrong with it, if anything did, in words. */
void status_write_next(struct buffer *out, struct json_object *token);
void status_write_trouble(struct buffer *out, struct json_object *token);
/* The latter without how long ago that was; there must be something. */
void status_write_error(struct buffer *out, struct json_object *token);

/* What can be done about R of status_ask(). */
const char *status_advice(const struct status *status, int r);
/* Tells the user about R of status_ask(), and gives the exit status. */
int status_fail(const struct ctl *ctl, const struct status *status, int r);
