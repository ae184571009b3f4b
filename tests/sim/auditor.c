/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "books.h"
#include "ears.h"

struct books books;

static const char *const scenario_names[N_SCENARIOS] = {
        [SCENARIO_CALM] = "calm", [SCENARIO_CHAOS] = "chaos", [SCENARIO_RECOVERY] = "recovery"};

void auditor_trace_all(void) {
        books.traces = true;
}

void auditor_steady_clock(void) {
        books.steady_clock = true;
}

void auditor_trace(const struct world *world, const char *format, ...) {
        va_list arguments;

        if (!books.traces)
                return;
        printf("%14.6f  ", (double)world->now / SECOND);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
}

void violated(const struct world *world, const char *format, ...) {
        va_list arguments;

        printf("violated: ");
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n  at %.6f s, event %" PRIu64 "; again, with all that led to it:\n"
               "  sim --scenario %s --seed %" PRIu64 " --trace\n",
               (double)world->now / SECOND, world->n_events, scenario_names[world->scenario],
               world->seed);
        fflush(stdout);
        exit(1);
}

void auditor_begin(const struct world *world) {
        bool traces = books.traces, steady_clock = books.steady_clock;

        memset(&books, 0, sizeof books);
        books.traces = traces;
        books.steady_clock = steady_clock;
        books.cold_until = world->now + MINUTE;
        ears_begin(world->seed, !steady_clock);
}

void auditor_end(const struct world *world) {
        for (unsigned slot = 0; slot < SLOTS && world->calm_from != NEVER; slot++)
                HOLDS(!world->plans[slot].is_there || books.ledgers[slot].is_well,
                      "%c has a token in the end", letter_of(slot));
        ears_end();
}

unsigned books_budget(const struct world *world, unsigned account) {
        unsigned least = UINT32_MAX;

        for (unsigned slot = 0; slot < SLOTS; slot++) {
                const struct plan *plan = &world->plans[slot];

                if (plan->is_there && plan->account == account &&
                    plan->terms.requests_per_minute < least)
                        least = plan->terms.requests_per_minute;
        }
        return least;
}
