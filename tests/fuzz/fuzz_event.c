/* SPDX-License-Identifier: MIT */
/* What libbearer's caller may meet on a stream of events. Beyond not crashing: an event ends where
 * it ends, whatever comes behind it and in whatever pieces it comes; it has the name that a token
 * may have; what bearerd writes of it is read as it was. */
#include <errno.h>

#include "client/event.h"
#include "core/outcome.h"
#include "fuzz.h"
#include "wire/events.h"

static void check_rewritten(const struct event *event) {
        const struct token_event told = {event->name, event->generation, event->expires_at,
                                         event->expires_in};
        struct buffer out = BUFFER_INIT(1024);
        struct event again;

        if (event->kind == EVENT_IS_TOKEN)
                event_token_render(&out, &told);
        else
                event_gone_render(&out, &told);
        HOLDS(buffer_error(&out) == 0 &&
                      event_parse(buffer_slice(&out), &again) == (ssize_t)out.size,
              "bearerd can tell so");
        HOLDS(again.kind == event->kind && strcmp(again.name, event->name) == 0 &&
                      again.generation == event->generation &&
                      again.expires_at == event->expires_at &&
                      again.expires_in == event->expires_in,
              "what bearerd tells is read as it was");
        buffer_deinit(&out);
}

static void check_event(const struct event *event) {
        if (event->kind == EVENT_IS_NONE)
                return;
        HOLDS(token_name_is_valid(slice_of(event->name)), "a name is one that a token may have");
        HOLDS(event->generation > 0 && event->expires_in <= OUTCOME_EXPIRES_IN_MAX,
              "numbers are in their bounds");
        HOLDS(event->kind == EVENT_IS_TOKEN || (event->expires_at == 0 && event->expires_in == 0),
              "what is gone does not expire");
        check_rewritten(event);
}

/* DATA up to its Nth byte has no event; all of it has ONE, or an error. */
static void check_pieces(struct slice data, size_t size, ssize_t result, const struct event *one) {
        struct event part;

        for (size_t n = 0; n < size; n++) {
                char *copy = copy_of(data, n);

                HOLDS(event_parse((struct slice){copy, n}, &part) == 0, "more must come");
                free(copy);
        }
        HOLDS(event_parse((struct slice){data.data, size}, &part) == result,
              "an event is one, whatever comes behind it");
        if (result > 0)
                HOLDS(part.kind == one->kind && strcmp(part.name, one->name) == 0 &&
                              part.generation == one->generation,
                      "the same event, whatever the pieces");
}

/* Where the first empty line ends; 0: there is none. */
static size_t end_of_event(struct slice data) {
        size_t start = 0;

        for (size_t i = 0; i < data.size; i++) {
                if (data.data[i] != '\n')
                        continue;
                if (i == start || (i == start + 1 && data.data[start] == '\r'))
                        return i + 1;
                start = i + 1;
        }
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct slice rest = input_of(data, size);

        while (rest.size > 0) {
                size_t end = end_of_event(rest);
                struct event event, before;
                ssize_t r;

                memset(&event, 0x5a, sizeof event);
                before = event;
                r = event_parse(rest, &event);
                HOLDS(r == 0 || r == -EBADMSG || r == (ssize_t)end, "an event ends where it ends");
                HOLDS((r == 0) == (end == 0), "what has its end is an event, or an error");
                if (r <= 0)
                        HOLDS(!memcmp(&event, &before, sizeof event),
                              "results are written on success only");
                if (r == 0)
                        return 0;
                check_pieces(rest, end, r, &event);
                if (r < 0)
                        return 0;
                check_event(&event);
                rest = behind(rest, (size_t)r);
        }
        return 0;
}
