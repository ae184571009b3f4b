/* SPDX-License-Identifier: MIT */
/* sim - the core through simulated years: one scenario after the other, each from its own seed,
 * until so many years have gone by, or so many seeds. Ends with 1 at the first violation.
 *
 *      sim [--years N | --seeds N] [--seed N] [--scenario calm|chaos|recovery] [--steady-clock]
 *      sim --scenario calm|chaos|recovery --seed N [--trace] [--steady-clock]
 *
 * With --scenario and neither --years nor --seeds it is one run; --trace tells all that happens in
 * it. The wall clock steps back and forth all the time, unless it is a steady one. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor.h"

#define YEAR (UINT64_C(31557600) * NSEC_PER_SEC)

static const char *const scenarios[N_SCENARIOS] = {"calm", "chaos", "recovery"};

struct lived {
        uint64_t runs;
        uint64_t events;
        double years;
};

/* A run takes less than a second: seconds until one is said to hang. */
#define PATIENCE 100

static struct world world;
static struct lived tallies[N_SCENARIOS];

static char last_words[128];

/* A run that crashes or hangs can be had again, too. */
static void die(int signal) {
        ssize_t r = write(STDOUT_FILENO, last_words, strlen(last_words));

        (void)r;
        _exit(1);
}

static void expect(enum scenario scenario, uint64_t seed) {
        snprintf(last_words, sizeof last_words,
                 "violated: no run crashes or hangs\n  again, with all that led to it:\n"
                 "  sim --scenario %s --seed %" PRIu64 " --trace\n",
                 scenarios[scenario], seed);
        alarm(PATIENCE);
}

static void run(enum scenario scenario, uint64_t seed) {
        uint64_t began;

        expect(scenario, seed);
        world_run(&world, scenario, seed);
        began = UINT64_C(86400) * NSEC_PER_SEC;
        tallies[scenario].runs++;
        tallies[scenario].events += world.n_events;
        /* The last event may lie far beyond a run's end. */
        tallies[scenario].years +=
                (double)(time_min(world.now, world.end_at) - began) / (double)YEAR;
}

/* ONLY one scenario; N_SCENARIOS: each. */
static void run_seed(int only, uint64_t seed) {
        for (int i = 0; i < N_SCENARIOS; i++)
                if (only == i || only == N_SCENARIOS)
                        run((enum scenario)i, seed);
}

static double years_so_far(void) {
        double years = 0;

        for (int i = 0; i < N_SCENARIOS; i++)
                years += tallies[i].years;
        return years;
}

static void report(uint64_t first, uint64_t next) {
        printf("seeds %" PRIu64 " to %" PRIu64 ":", first, next - 1);
        for (int i = 0; i < N_SCENARIOS; i++)
                printf(" %s %" PRIu64 " runs, %.1f years, %" PRIu64 " events%s", scenarios[i],
                       tallies[i].runs, tallies[i].years, tallies[i].events,
                       i + 1 < N_SCENARIOS ? ";" : "\n");
}

static int scenario_named(const char *name) {
        for (int i = 0; i < N_SCENARIOS; i++)
                if (strcmp(scenarios[i], name) == 0)
                        return i;
        return -1;
}

static int usage(void) {
        fputs("usage: sim [--years N | --seeds N] [--seed N] [--scenario calm|chaos|recovery] "
              "[--steady-clock]\n"
              "       sim --scenario calm|chaos|recovery --seed N [--trace] [--steady-clock]\n",
              stderr);
        return 2;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                {"years", required_argument, NULL, 'y'},
                {"seeds", required_argument, NULL, 'n'},
                {"seed", required_argument, NULL, 's'},
                {"scenario", required_argument, NULL, 'c'},
                {"trace", no_argument, NULL, 't'},
                {"steady-clock", no_argument, NULL, 'w'},
                {0},
        };
        uint64_t first = 1, n = 0, next;
        double years = 0;
        int code, only = N_SCENARIOS;

        signal(SIGABRT, die);
        signal(SIGALRM, die);
        while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (code) {
                case 'y':
                        years = strtod(optarg, NULL);
                        break;
                case 'n':
                        n = strtoull(optarg, NULL, 10);
                        break;
                case 's':
                        first = strtoull(optarg, NULL, 10);
                        break;
                case 'c':
                        only = scenario_named(optarg);
                        break;
                case 't':
                        auditor_trace_all();
                        setlinebuf(stdout);
                        break;
                case 'w':
                        auditor_steady_clock();
                        break;
                default:
                        return usage();
                }
        }
        if (only < 0 || optind < argc)
                return usage();
        for (next = first; next == first || next - first < n || years_so_far() < years; next++)
                run_seed(only, next);
        report(first, next);
        return 0;
}
