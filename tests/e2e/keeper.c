/* SPDX-License-Identifier: MIT */
/* keeper - a worker that keeps its tokens, and does with them what its standard input says, a line
 * each. What comes of it is a line, too: a generation, or "BEARER_E_..." as a number, or ok.
 *
 *      get [NAME]       bearer_get()
 *      renew [NAME]     bearer_renew() of what was got last
 *      silent [NAME]    a child gets the same a thousand times, and is killed by its first system
 *                       call; counts its allocations
 *      fork [NAME]      a child gets it
 *      thread [NAME]    another thread gets it twice, and gives the second one back here
 *      threads N [NAME] so many threads get it at once, and give back each other's
 *      many N           gets a0, a1, ... a(N-1), twice
 *      slept N          from now on, the clocks are as after a suspend of so many seconds more
 *      back N           from now on, CLOCK_REALTIME is as if set back by so many seconds more
 *      hold [NAME]      gets it, closes the handle, opens another one: what is held is still good
 *      end
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bearer.h>

#define ROUNDS      1000
#define THREADS_MAX 16
#define TIMEOUT_MS  5000

static struct bearer *bearer;
static struct bearer_token *last;
static const char *name; /* of the command at hand */

/* What is defined here takes the place of libc's for libbearer, too. */
#define PUBLIC __attribute__((visibility("default")))

/* ---- allocations ---- */

/* The sanitizers have malloc for themselves, and make system calls of their own. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED true
static const unsigned allocations;
#else
#define IS_SANITIZED false
static unsigned allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
PUBLIC void *malloc(size_t size);
PUBLIC void *calloc(size_t n, size_t size);

void *malloc(size_t size) {
        allocations++;
        return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        allocations++;
        return __libc_calloc(n, size);
}
#endif

/* ---- clocks ---- */

static unsigned slept;    /* seconds, in which CLOCK_MONOTONIC stood still */
static unsigned set_back; /* seconds */

static bool is_real_time(clockid_t clock) {
        return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

PUBLIC int clock_gettime(clockid_t clock, struct timespec *ret_now) {
        static int (*read_clock)(clockid_t, struct timespec *);
        int r;

        if (!read_clock)
                *(void **)&read_clock = dlsym(RTLD_NEXT, "clock_gettime");
        r = read_clock(clock, ret_now);
        if (r == 0 && (is_real_time(clock) || clock == CLOCK_BOOTTIME))
                ret_now->tv_sec += slept;
        if (r == 0 && is_real_time(clock))
                ret_now->tv_sec -= set_back;
        return r;
}

/* ---- what is done ---- */

static void say_token(int r, const struct bearer_token *token) {
        if (r == 0)
                printf("%" PRIu64 "\n", bearer_token_generation(token));
        else
                printf("error %d\n", r);
}

static int get(struct bearer_token **ret_token) {
        return bearer_get(bearer, name, TIMEOUT_MS, ret_token);
}

static void do_get(unsigned n) {
        struct bearer_token *token = NULL;
        int r = get(&token);

        say_token(r, token);
        if (r != 0)
                return;
        bearer_token_unref(last);
        last = token;
}

static void do_renew(unsigned n) {
        struct bearer_token *token = NULL;
        int r = bearer_renew(bearer, last, TIMEOUT_MS, &token);

        say_token(r, token);
        if (r != 0)
                return;
        bearer_token_unref(last);
        last = token;
}

/* From here on, each system call but the last one is the end. */
static void be_silent(void) {
        static const struct sock_filter rules[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        };
        struct sock_filter filter[sizeof rules / sizeof *rules];
        const struct sock_fprog program = {sizeof rules / sizeof *rules, filter};

        memcpy(filter, rules, sizeof rules);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                _exit(2);
}

static void get_in_silence(void) {
        unsigned before = allocations;
        int wrong = 0;

        if (!IS_SANITIZED)
                be_silent();
        for (int i = 0; i < ROUNDS; i++) {
                struct bearer_token *token = NULL;

                if (get(&token) != 0)
                        _exit(3);
                wrong |= bearer_token_generation(token) != bearer_token_generation(last);
                bearer_token_unref(token);
        }
        _exit(wrong ? 4 : allocations != before ? 5 : 0);
}

static void get_once(void) {
        struct bearer_token *token = NULL;

        _exit(get(&token) == 0 && bearer_token_generation(token) == bearer_token_generation(last)
                      ? 0
                      : 1);
}

static void say_child(void (*live)(void)) {
        pid_t child;
        int status;

        fflush(stdout);
        child = fork();
        if (child == 0)
                live();
        if (child < 0 || waitpid(child, &status, 0) < 0)
                printf("no child: %s\n", strerror(errno));
        else if (WIFSIGNALED(status))
                printf("killed by %s\n", strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status) != 0)
                printf("exit %d\n", WEXITSTATUS(status));
        else
                printf("ok\n");
}

static void do_silent(unsigned n) {
        say_child(get_in_silence);
}

static void do_fork(unsigned n) {
        say_child(get_once);
}

static void *get_twice(void *user) {
        struct bearer_token *first = NULL, *second = NULL;

        if (get(&first) != 0 || get(&second) != 0)
                return NULL;
        bearer_token_unref(first);
        return second;
}

/* Thread I gives back what thread I + 1 has got, as that one may be doing with others. */
static void do_threads(unsigned n) {
        pthread_t threads[THREADS_MAX];
        struct bearer_token *tokens[THREADS_MAX];
        bool are_same = true;

        if (n == 0 || n > THREADS_MAX)
                n = 1;
        for (unsigned i = 0; i < n; i++)
                if (pthread_create(&threads[i], NULL, get_twice, NULL) != 0)
                        abort();
        for (unsigned i = 0; i < n; i++) {
                pthread_join(threads[i], (void **)&tokens[i]);
                are_same &= tokens[i] &&
                            strcmp(bearer_token_value(tokens[i]), bearer_token_value(last)) == 0;
        }
        for (unsigned i = 0; i < n; i++)
                bearer_token_unref(tokens[i]);
        printf(are_same ? "ok\n" : "not the same\n");
}

static void do_many(unsigned n) {
        char text[16];

        name = text;
        for (unsigned i = 0; i < 2 * n; i++) {
                struct bearer_token *token = NULL;
                int r;

                snprintf(text, sizeof text, "a%u", i % n);
                r = get(&token);
                if (r != 0 || strcmp(bearer_token_name(token), text) != 0) {
                        printf("%s: error %d\n", text, r);
                        return;
                }
                bearer_token_unref(token);
        }
        printf("ok\n");
}

static void do_slept(unsigned n) {
        slept += n;
        printf("ok\n");
}

static void do_back(unsigned n) {
        set_back += n;
        printf("ok\n");
}

static void do_hold(unsigned n) {
        struct bearer_token *held = NULL;
        int r = get(&held);

        bearer = bearer_close(bearer);
        if (bearer_open(NULL, &bearer) != 0)
                abort();
        say_token(r, held);
        bearer_token_unref(held);
}

/* ---- what is asked for ---- */

static const struct {
        const char *word;
        void (*act)(unsigned n);
        bool is_counted; /* "word N [NAME]" */
} commands[] = {
        {"get", do_get, false},   {"renew", do_renew, false},    {"silent", do_silent, false},
        {"fork", do_fork, false}, {"thread", do_threads, false}, {"threads", do_threads, true},
        {"many", do_many, true},  {"slept", do_slept, true},     {"back", do_back, true},
        {"hold", do_hold, false},
};

static bool act(char *line) {
        const char *word = strtok(line, " \n"), *n = NULL;

        for (size_t i = 0; word && i < sizeof commands / sizeof *commands; i++) {
                if (strcmp(commands[i].word, word) != 0)
                        continue;
                if (commands[i].is_counted)
                        n = strtok(NULL, " \n");
                name = strtok(NULL, " \n");
                commands[i].act(n ? (unsigned)strtoul(n, NULL, 10) : 1);
                return true;
        }
        return false;
}

int main(void) {
        char line[256];

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (bearer_open(NULL, &bearer) != 0)
                return 1;
        while (fgets(line, sizeof line, stdin) && act(line))
                ;
        bearer_token_unref(last);
        bearer = bearer_close(bearer);
        return 0;
}
