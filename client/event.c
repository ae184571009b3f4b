/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "client/event.h"
#include "core/outcome.h"
#include "wire/events.h"
#include "wire/json.h"

/* What is between two empty lines. */
struct fields {
        struct slice kind;
        struct slice data; /* the last line of it */
        unsigned n_data;
};

/* False: it does not end yet. */
static bool cut_line(struct slice *rest, struct slice *ret_line) {
        const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
        size_t size;

        if (!end)
                return false;
        size = (size_t)(end - rest->data);
        *ret_line = (struct slice){rest->data, size};
        *rest = (struct slice){end + 1, rest->size - size - 1};
        if (size > 0 && end[-1] == '\r')
                ret_line->size--;
        return true;
}

/* A name, a colon, one space that does not count, and a value; before the colon nothing: a comment.
 */
static void read_line(struct slice line, struct fields *fields) {
        const char *colon = memchr(line.data, ':', line.size);
        struct slice name = {line.data, colon ? (size_t)(colon - line.data) : line.size};
        struct slice value = {name.data + name.size, line.size - name.size};

        for (int i = 0; i < 2; i++) {
                if (value.size == 0 || value.data[0] != ": "[i])
                        break;
                value = (struct slice){value.data + 1, value.size - 1};
        }
        if (slice_is(name, "event")) {
                fields->kind = value;
        } else if (slice_is(name, "data")) {
                fields->data = value;
                fields->n_data++;
        }
}

static int read_event(const struct fields *fields, enum event_kind kind, struct event *ret_event) {
        const struct json_member *name;
        struct event event = {.kind = kind};
        struct json_object object;
        int r;

        if (fields->n_data != 1 || json_parse(fields->data, &object) < 0)
                return -EBADMSG;
        name = json_find(&object, "name", JSON_STRING);
        if (!name || !token_name_is_valid(name->text))
                return -EBADMSG;
        memcpy(event.name, name->text.data, name->text.size);
        r = json_find_integer(&object, "generation", UINT64_MAX, &event.generation);
        if (r == 0 && kind == EVENT_IS_TOKEN)
                r = json_find_integer(&object, "expires_at", UINT64_MAX, &event.expires_at);
        if (r == 0 && kind == EVENT_IS_TOKEN)
                r = json_find_integer(&object, "expires_in", OUTCOME_EXPIRES_IN_MAX,
                                      &event.expires_in);
        if (r < 0 || event.generation == 0)
                return -EBADMSG;
        *ret_event = event;
        return 0;
}

/* Others may come. */
static int read_fields(const struct fields *fields, struct event *ret_event) {
        if (slice_is(fields->kind, EVENT_TOKEN))
                return read_event(fields, EVENT_IS_TOKEN, ret_event);
        if (slice_is(fields->kind, EVENT_GONE))
                return read_event(fields, EVENT_IS_GONE, ret_event);
        *ret_event = (struct event){.kind = EVENT_IS_NONE};
        return 0;
}

ssize_t event_parse(struct slice data, struct event *ret_event) {
        struct slice rest = data, line;
        struct fields fields = {0};
        int r;

        while (cut_line(&rest, &line)) {
                if (line.size > 0) {
                        read_line(line, &fields);
                        continue;
                }
                r = read_fields(&fields, ret_event);
                return r < 0 ? r : (ssize_t)(data.size - rest.size);
        }
        return 0;
}
