/* SPDX-License-Identifier: MIT */
/* brokered - the broker that a test is about, and the time there. */
#pragma once

#include "story.h"

#include "core/broker.h"

#define START (1000 * SECOND)

static struct broker broker;
static uint64_t now;

static inline int setup(void **state) {
        now = START;
        broker_init(&broker);
        return 0;
}

static inline int teardown(void **state) {
        broker_deinit(&broker);
        return 0;
}

/* A token by its defaults, with a budget of its own. */
static inline struct broker_spec spec(const char *name) {
        return (struct broker_spec){
                .name = name, .identity = name, .account = name, .terms = TERMS_DEFAULT};
}

static inline void configure(const struct broker_spec *specs, size_t n) {
        assert_int_equal(broker_configure(&broker, specs, n, now), 0);
}

static inline struct broker_token *configure_one(void) {
        const struct broker_spec one = spec("a");

        configure(&one, 1);
        return broker_find(&broker, "a");
}
