/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "core/b64token.h"
#include "wire/fetchline.h"
#include "wire/json.h"

#define RETRY_AFTER_MAX ((uint64_t)366 * 86400)

static const char *const kinds[] = {
        [OUTCOME_FAILED] = "failed",
        [OUTCOME_GRANTED] = "granted",
        [OUTCOME_DENIED] = "denied",
        [OUTCOME_MISCONFIGURED] = "misconfigured",
};

void fetchline_request_render(struct buffer *out, const struct fetchline_request *request) {
        if (request->is_probe)
                buffer_append_text(out, FETCHLINE_PROBE);
        buffer_append_text(out, request->name);
        buffer_append_char(out, '\n');
}

int fetchline_request_parse(struct slice line, struct fetchline_request *ret_request) {
        const struct slice probe = SLICE(FETCHLINE_PROBE);
        bool is_probe = line.size > probe.size && memcmp(line.data, probe.data, probe.size) == 0;

        if (is_probe) {
                line.data += probe.size;
                line.size -= probe.size;
        }
        if (!token_name_is_valid(line))
                return -EBADMSG;
        ret_request->is_probe = is_probe;
        memcpy(ret_request->name, line.data, line.size);
        ret_request->name[line.size] = 0;
        return 0;
}

static void write_number(struct json_writer *json, const char *key, uint64_t value) {
        if (value > 0)
                json_integer(json, key, value);
}

static void write_text(struct json_writer *json, const char *key, const char *text) {
        if (text[0])
                json_string(json, key, slice_of(text));
}

void fetchline_render(struct buffer *out, const struct outcome *outcome) {
        struct json_writer json = {out};

        json_begin(&json, NULL, '{');
        write_text(&json, "outcome", kinds[outcome->kind]);
        json_boolean(&json, "sent", outcome->sent);
        write_number(&json, "sent_at", outcome->sent_at);
        write_number(&json, "status", (uint64_t)outcome->status);
        write_number(&json, "retry_after", outcome->retry_after);
        write_text(&json, "error", outcome->error);
        write_text(&json, "message", outcome->message);
        if (outcome->kind == OUTCOME_GRANTED) {
                json_string(&json, "access_token", secret_slice(&outcome->access_token));
                write_number(&json, "expires_in", outcome->expires_in);
                write_text(&json, "scope", outcome->scope);
        }
        json_end(&json, '}');
        buffer_append_char(out, '\n');
}

/* > 0 with the member NAME; 0: it is not there; -EBADMSG: it is of another kind. */
static int find(const struct json_object *object, const char *name, enum json_kind kind,
                const struct json_member **ret_member) {
        for (size_t i = 0; i < object->n; i++) {
                if (!slice_is(object->members[i].name, name))
                        continue;
                if (object->members[i].kind != kind)
                        return -EBADMSG;
                *ret_member = &object->members[i];
                return 1;
        }
        return 0;
}

/* Optional, 0 if not there. */
static int read_number(const struct json_object *object, const char *name, uint64_t max,
                       uint64_t *ret_value) {
        const struct json_member *member;
        int r = find(object, name, JSON_INTEGER, &member);

        if (r < 0 || (r > 0 && member->integer > max))
                return -EBADMSG;
        *ret_value = r > 0 ? member->integer : 0;
        return 0;
}

/* Optional, "" if not there. What an outcome's text must not hold becomes "?". */
static int read_text(const struct json_object *object, const char *name, char *ret_text,
                     size_t size) {
        const struct json_member *member;
        int r = find(object, name, JSON_STRING, &member);

        if (r < 0)
                return r;
        if (r == 0) {
                ret_text[0] = 0;
                return 0;
        }
        if (json_string_copy(member, ret_text, size) < 0)
                return -EBADMSG;
        for (char *c = ret_text; *c; c++)
                if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
                        *c = '?';
        return 0;
}

static int read_kind(const struct json_object *object, enum outcome_kind *ret_kind) {
        const struct json_member *member = json_find(object, "outcome", JSON_STRING);

        if (!member)
                return -EBADMSG;
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
                if (slice_is(member->text, kinds[i])) {
                        *ret_kind = (enum outcome_kind)i;
                        return 0;
                }
        }
        return -EBADMSG;
}

/* A grant without a request, or a request without a configuration, is a lie. */
static int read_sent(const struct json_object *object, enum outcome_kind kind, bool *ret_sent) {
        const struct json_member *member = json_find(object, "sent", JSON_BOOLEAN);

        if (!member)
                return -EBADMSG;
        if ((kind == OUTCOME_GRANTED && !member->integer) ||
            (kind == OUTCOME_MISCONFIGURED && member->integer))
                return -EBADMSG;
        *ret_sent = member->integer;
        return 0;
}

static int read_status(const struct json_object *object, int *ret_status) {
        uint64_t status;

        if (read_number(object, "status", 599, &status) < 0 || (status > 0 && status < 100))
                return -EBADMSG;
        *ret_status = (int)status;
        return 0;
}

/* The fields of a grant; the token last, so that nothing has to be given back. */
static int read_grant(const struct json_object *object, struct outcome *outcome) {
        const struct json_member *token;
        int r;

        if (read_number(object, "expires_in", OUTCOME_EXPIRES_IN_MAX, &outcome->expires_in) < 0 ||
            outcome->expires_in == 0)
                return -EBADMSG;
        if (read_text(object, "scope", outcome->scope, sizeof outcome->scope) < 0)
                return -EBADMSG;
        token = json_find(object, "access_token", JSON_STRING);
        if (!token || !is_b64token(token->text))
                return -EBADMSG;
        r = secret_set(&outcome->access_token, token->text.data, token->text.size);
        return r == -E2BIG ? -EBADMSG : r;
}

static int read_outcome(const struct json_object *object, struct outcome *outcome) {
        if (read_kind(object, &outcome->kind) < 0 ||
            read_sent(object, outcome->kind, &outcome->sent) < 0 ||
            read_number(object, "sent_at", UINT64_MAX, &outcome->sent_at) < 0 ||
            read_status(object, &outcome->status) < 0 ||
            read_number(object, "retry_after", RETRY_AFTER_MAX, &outcome->retry_after) < 0 ||
            read_text(object, "error", outcome->error, sizeof outcome->error) < 0 ||
            read_text(object, "message", outcome->message, sizeof outcome->message) < 0)
                return -EBADMSG;
        return outcome->kind == OUTCOME_GRANTED ? read_grant(object, outcome) : 0;
}

int fetchline_parse(struct slice line, struct outcome *ret_outcome) {
        struct outcome outcome = OUTCOME_INIT;
        struct json_object object;
        int r;

        if (line.size >= FETCHLINE_MAX || json_parse(line, &object) < 0)
                return -EBADMSG;
        r = read_outcome(&object, &outcome);
        if (r < 0)
                return r;
        *ret_outcome = outcome; /* consumed */
        return 0;
}
