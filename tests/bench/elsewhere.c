/* SPDX-License-Identifier: MIT */
/* elsewhere - becomes the program $BENCH_ELSEWHERE, with the arguments that it has itself, on the
 * processor $BENCH_PROCESSOR and not in real time.
 *
 * A bearerd that a benchmark has pinned starts this as its bearerd-fetch. As a service of its own
 * that would have neither bearerd's processor nor its priority; so it leaves both at once. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
        const struct sched_param none = {.sched_priority = 0};
        const char *program = getenv("BENCH_ELSEWHERE"), *processor = getenv("BENCH_PROCESSOR");
        cpu_set_t processors;

        if (argc < 1 || !program || !processor) {
                fprintf(stderr, "elsewhere: BENCH_ELSEWHERE and BENCH_PROCESSOR are not set\n");
                return 2;
        }
        CPU_ZERO(&processors);
        CPU_SET(strtoul(processor, NULL, 10), &processors);
        if (sched_setscheduler(0, SCHED_OTHER, &none) < 0 ||
            sched_setaffinity(0, sizeof processors, &processors) < 0)
                perror("elsewhere");
        execv(program, argv);
        perror(program);
        return 1;
}
