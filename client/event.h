/* SPDX-License-Identifier: MIT */
/* event - what bearerd tells on a stream of events (WHATWG HTML, 9.2), read from its bytes. Takes a
 * part of that grammar, as bearerd writes it: lines end with LF or CRLF, and data is one line. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "core/name.h"

enum event_kind {
        EVENT_IS_NONE,  /* nothing that is known here */
        EVENT_IS_TOKEN, /* there is a token of another generation */
        EVENT_IS_GONE,  /* there is none any more */
};

struct event {
        enum event_kind kind;
        char name[TOKEN_NAME_MAX + 1];
        uint64_t generation;
        uint64_t expires_at; /* TOKEN: Unix time, seconds */
        uint64_t expires_in; /* TOKEN: seconds */
};

/* Takes the first event off DATA. > 0: its size; 0: more must come; -EBADMSG: that is none of
 * bearerd's. */
ssize_t event_parse(struct slice data, struct event *ret_event);
