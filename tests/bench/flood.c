/* SPDX-License-Identifier: MIT */
/* flood - one user does all that it can to keep another one from its token; how long the other one
 * waits for it meanwhile.
 *
 *      flood SOCKET FLOODER-UID WORKER-UID SECONDS PRIORITY
 *
 * As root. PRIORITY is the worker's in real time (sched(7)); 0: as others have it. For each kind of
 * flood, and for all of them at once: several processes of FLOODER-UID flood, and one of WORKER-UID
 * asks every millisecond on a connection that it keeps, and every fifth time each on a new one, and
 * on one that it opens without waiting in connect(2), as clients that cannot wait there do: it
 * tries again. Prints a table. Ends with 1 if anything has failed, and with 3 if a promise is not
 * kept: 99 % of the first two take less than PROMISED.
 *
 * Where a host of virtual machines takes the processors away meanwhile, that is measured again, and
 * when that was in vain it ends with 4. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "burden.h"
#include "dial.h"
#include "stopwatch.h"

#define PROCESSES   2    /* for each kind of flood */
#define CONNECTIONS 4000 /* that each of them holds */
#define PIPELINED   200  /* requests that are sent in one go */
#define PASSED      100  /* descriptors in one message */
#define SAMPLES_MAX 1000000
#define PROMISED    UINT64_C(5000000) /* ns */
#define STOLEN_MAX  0.02              /* of the processors' time */
#define TRIES       5
/* As the bindings of bearerd: 1 ms, then doubling. */
#define RETRY_FIRST 1000000
#define RETRY_LAST  50000000
#define GET         "GET /v1/token HTTP/1.1\r\n\r\n"
#define FOLLOW      "GET /v1/token/events HTTP/1.1\r\n\r\n"

static struct sockaddr_un address;

static int connect_now(int flags) {
        return dial(&address, flags);
}

/* ---- floods: each goes on until it is killed ---- */

static const char *pipelined(void) {
        static char requests[PIPELINED * (sizeof GET - 1) + 1];

        for (size_t i = 0; requests[0] == 0 || i < PIPELINED; i++)
                memcpy(requests + i * (sizeof GET - 1), GET, sizeof GET - 1);
        return requests;
}

/* Opens what is not open, or was closed. */
static bool keep_open(int *fd) {
        char byte;

        if (*fd >= 0 && recv(*fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
                close(*fd);
                *fd = -1;
        }
        if (*fd < 0)
                *fd = connect_now(SOCK_NONBLOCK);
        return *fd >= 0;
}

static int *no_descriptors(void) {
        static int fds[CONNECTIONS];

        memset(fds, -1, sizeof fds);
        return fds;
}

/* Holds connections. */
static void flood_connections(void) {
        int *fds = no_descriptors();

        for (size_t i = 0;; i = (i + 1) % CONNECTIONS)
                if (!keep_open(&fds[i]))
                        sched_yield();
}

/* Comes and goes. */
static void flood_visits(void) {
        for (;;) {
                int fd = connect_now(SOCK_NONBLOCK);

                if (fd >= 0)
                        close(fd);
        }
}

/* Fills the queue, and lets it run empty. */
static void flood_waves(void) {
        struct timespec pause = {.tv_nsec = 100000000};

        for (;;) {
                int fd = connect_now(SOCK_NONBLOCK);

                if (fd >= 0)
                        close(fd);
                else
                        nanosleep(&pause, NULL);
        }
}

/* Asks as fast as it can, and reads the answers. */
static void flood_requests(void) {
        static char answers[1 << 20];
        int *fds = no_descriptors();

        for (size_t i = 0;; i = (i + 1) % 200) {
                if (!keep_open(&fds[i]))
                        continue;
                if (send(fds[i], pipelined(), PIPELINED * (sizeof GET - 1), MSG_NOSIGNAL) < 0 &&
                    errno == EPIPE) {
                        close(fds[i]);
                        fds[i] = -1;
                        continue;
                }
                (void)recv(fds[i], answers, sizeof answers, 0);
        }
}

/* Asks, and never reads an answer. */
static void flood_deaf(void) {
        int *fds = no_descriptors();

        for (size_t i = 0;; i = (i + 1) % CONNECTIONS) {
                if (fds[i] < 0)
                        fds[i] = connect_now(SOCK_NONBLOCK);
                if (fds[i] < 0)
                        continue;
                if (send(fds[i], pipelined(), PIPELINED * (sizeof GET - 1), MSG_NOSIGNAL) < 0 &&
                    errno != EAGAIN) {
                        close(fds[i]);
                        fds[i] = -1;
                }
        }
}

/* Writes byte by byte, and never comes to an end. */
static void flood_bytes(void) {
        int *fds = no_descriptors();

        for (size_t i = 0;; i = (i + 1) % CONNECTIONS)
                if (keep_open(&fds[i]) && send(fds[i], "G", 1, MSG_NOSIGNAL) < 0 &&
                    errno == EPIPE) {
                        close(fds[i]);
                        fds[i] = -1;
                }
}

/* The same on all its connections at once, now and then. */
static void flood_byte_waves(void) {
        struct timespec pause = {.tv_nsec = 100000000};
        int *fds = no_descriptors();

        for (;;) {
                for (size_t i = 0; i < CONNECTIONS; i++)
                        keep_open(&fds[i]);
                for (size_t i = 0; i < CONNECTIONS; i++)
                        (void)!send(fds[i], "G", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                nanosleep(&pause, NULL);
        }
}

/* Writes what is no request. */
static void flood_garbage(void) {
        static char garbage[4096];

        memset(garbage, 0xa5, sizeof garbage);
        for (;;) {
                int fd = connect_now(SOCK_NONBLOCK);

                if (fd < 0)
                        continue;
                (void)!send(fd, garbage, sizeof garbage, MSG_NOSIGNAL);
                close(fd);
        }
}

/* As many single bytes as it takes. */
static void fill(int fd) {
        while (send(fd, "G", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
                ;
}

/* The same, byte by byte. */
static void flood_litter(void) {
        for (;;) {
                int fd = connect_now(SOCK_NONBLOCK);

                if (fd < 0)
                        continue;
                fill(fd);
                close(fd);
        }
}

/* Passes descriptors on, which nobody wants. */
static void flood_descriptors(void) {
        int *fds = no_descriptors(), passed[PASSED], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        for (size_t i = 0; i < PASSED; i++)
                passed[i] = null;
        for (size_t i = 0;; i = (i + 1) % 200)
                if (keep_open(&fds[i]) && burden_send(fds[i], "G", passed, PASSED, 0) < 0 &&
                    errno == EPIPE) {
                        close(fds[i]);
                        fds[i] = -1;
                }
}

/* Begins to follow, so that what comes then stays unread. */
static int follow(void) {
        char head[1024];
        int fd = connect_now(0);

        if (fd >= 0 && (send(fd, FOLLOW, sizeof FOLLOW - 1, MSG_NOSIGNAL) < 0 ||
                        recv(fd, head, sizeof head, 0) <= 0)) {
                close(fd);
                fd = -1;
        }
        return fd;
}

static void close_all(const int *fds) {
        for (size_t i = 0; i < CONNECTIONS; i++)
                if (fds[i] >= 0)
                        close(fds[i]);
}

/* Hangs up on all its connections at once. */
static void flood_partings(void) {
        int *fds = no_descriptors();

        for (;;) {
                for (size_t i = 0; i < CONNECTIONS; i++)
                        fds[i] = connect_now(0);
                close_all(fds);
        }
}

/* The same of streams, to which it has written what nobody reads. */
static void flood_streams(void) {
        int *fds = no_descriptors();

        for (;;) {
                for (size_t i = 0; i < CONNECTIONS; i++)
                        fds[i] = follow();
                for (size_t i = 0; i < CONNECTIONS; i++)
                        if (fds[i] >= 0)
                                fill(fds[i]);
                close_all(fds);
        }
}

/* Leaves a descriptor behind that is bearerd's alone. Where that is refused, it is ours to drop. */
static void leave_burden(int burden) {
        int fd = follow();

        if (fd < 0 || burden_send(fd, "G", &burden, 1, 0) < 0)
                setsockopt(burden, SOL_SOCKET, SO_LINGER, &(struct linger){0},
                           sizeof(struct linger));
        close(burden);
        if (fd >= 0)
                close(fd);
}

/* Each takes whoever drops it an hour. */
static void flood_burdens(void) {
        int *readers = no_descriptors();

        for (size_t i = 0;; i = (i + 1) % CONNECTIONS) {
                int reader, burden = burden_open(&reader);

                if (burden < 0)
                        continue;
                leave_burden(burden);
                if (readers[i] >= 0)
                        close(readers[i]);
                readers[i] = reader;
        }
}

static const struct flood {
        const char *what;
        void (*go)(void);
} floods[] = {
        {"connections that are held", flood_connections},
        {"connections that part at once", flood_partings},
        {"streams that part at once", flood_streams},
        {"connections that come and go", flood_visits},
        {"connections that come in waves", flood_waves},
        {"requests, pipelined", flood_requests},
        {"requests, answers unread", flood_deaf},
        {"requests, byte by byte", flood_bytes},
        {"requests, byte by byte in waves", flood_byte_waves},
        {"garbage", flood_garbage},
        {"garbage, byte by byte", flood_litter},
        {"passed descriptors", flood_descriptors},
        {"passed descriptors that linger", flood_burdens},
};

#define FLOODS (sizeof floods / sizeof *floods)

/* ---- the worker ---- */

struct samples {
        uint64_t n, errors;
        uint64_t took[SAMPLES_MAX]; /* ns */
};

/* One request, and its answer as a whole. */
static bool ask(int fd) {
        static char answer[65536];
        ssize_t size;

        if (send(fd, GET, sizeof GET - 1, MSG_NOSIGNAL) != sizeof GET - 1)
                return false;
        size = recv(fd, answer, sizeof answer - 1, 0);
        if (size <= 0)
                return false;
        answer[size] = 0;
        return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && answer[size - 1] == '}';
}

/* Without waiting for room. */
static int dial_again(void) {
        struct timespec pause = {.tv_nsec = RETRY_FIRST};
        int fd;

        while ((fd = connect_now(SOCK_NONBLOCK)) < 0 && errno == EAGAIN) {
                nanosleep(&pause, NULL);
                pause.tv_nsec = pause.tv_nsec < RETRY_LAST / 2 ? 2 * pause.tv_nsec : RETRY_LAST;
        }
        if (fd >= 0)
                fcntl(fd, F_SETFL, 0); /* from here on it waits */
        return fd;
}

static void note(struct samples *samples, uint64_t began, bool is_good) {
        if (!is_good)
                samples->errors++;
        else if (samples->n < SAMPLES_MAX)
                samples->took[samples->n++] = now_ns() - began;
}

/* On a connection of its own, FD. */
static void ask_and_close(struct samples *samples, uint64_t began, int fd) {
        note(samples, began, fd >= 0 && ask(fd));
        if (fd >= 0)
                close(fd);
}

/* How it connects. */
enum way { KEPT, ANEW, AGAIN, N_WAYS };

static bool lacks_one(const struct samples samples[N_WAYS]) {
        for (int way = 0; way < N_WAYS; way++)
                if (samples[way].n + samples[way].errors == 0)
                        return true;
        return false;
}

/* UNTIL then, and until each way was gone. */
static void work(struct samples samples[N_WAYS], uint64_t until) {
        struct timespec pause = {.tv_nsec = 1000000};
        int fd = connect_now(0);

        for (unsigned i = 0; now_ns() < until || lacks_one(samples); i++) {
                uint64_t began = now_ns();

                if (i % 5 == 0)
                        ask_and_close(&samples[ANEW], began, connect_now(0));
                else if (i % 5 == 1)
                        ask_and_close(&samples[AGAIN], began, dial_again());
                else
                        note(&samples[KEPT], began, fd >= 0 && ask(fd));
                nanosleep(&pause, NULL);
        }
        close(fd);
}

/* ---- the table ---- */

static struct sched_param priority;

static void go_to_work(void);

static pid_t start(uid_t uid, void (*go)(void)) {
        pid_t pid = fork();

        if (pid < 0) {
                perror("flood: fork");
                exit(1); /* and those that there are die with it */
        }
        if (pid != 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (go == go_to_work && priority.sched_priority > 0 &&
            sched_setscheduler(0, SCHED_RR, &priority) < 0)
                _exit(1);
        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                _exit(1);
        go();
        _exit(0);
}

static struct {
        struct samples of[N_WAYS];
        double seconds;
} * shared;

static void go_to_work(void) {
        work(shared->of, now_ns() + (uint64_t)(shared->seconds * 1e9));
}

struct times {
        double all, stolen;
};

/* Of all processors, since the system has started (proc(5)). */
static struct times read_times(void) {
        double times[8] = {0}; /* the last one is what other virtual machines have had */
        struct times sum = {0};
        FILE *file = fopen("/proc/stat", "re");

        if (!file)
                return sum;
        for (size_t i = 0; i < 8 && fscanf(file, i == 0 ? "cpu %lf" : "%lf", &times[i]) == 1; i++)
                sum.all += times[i];
        sum.stolen = times[7];
        fclose(file);
        return sum;
}

static double share_stolen(struct times before, struct times after) {
        return after.all > before.all ? (after.stolen - before.stolen) / (after.all - before.all)
                                      : 0;
}

static void print_samples(struct samples *samples) {
        sort_ns(samples->took, samples->n);
        if (samples->n == 0)
                printf(" | - | - | - | %ju", (uintmax_t)samples->errors);
        else
                printf(" | %.3f | %.3f | %.3f | %ju",
                       (double)percentile(samples->took, samples->n, 50) / 1e6,
                       (double)percentile(samples->took, samples->n, 99) / 1e6,
                       (double)samples->took[samples->n - 1] / 1e6, (uintmax_t)samples->errors);
}

static bool has_failed(const struct samples samples[N_WAYS]) {
        for (int way = 0; way < N_WAYS; way++)
                if (samples[way].n == 0 || samples[way].errors > 0)
                        return true;
        return false;
}

/* Of what is sorted. */
static bool keeps_promise(const struct samples samples[N_WAYS]) {
        for (int way = 0; way < N_WAYS; way++)
                if (way != AGAIN && percentile(samples[way].took, samples[way].n, 99) >= PROMISED)
                        return false;
        return true;
}

/* FROM up to, and not with, TO flood; a second later the worker begins. Whether they did it all the
 * time. */
static bool run(size_t from, size_t to, uid_t flooder, uid_t worker) {
        pid_t pids[FLOODS * PROCESSES], pid;
        bool all_flooded = true;
        size_t n = 0;

        memset(shared->of, 0, sizeof shared->of);
        for (size_t i = from; i < to; i++)
                for (int j = 0; j < PROCESSES; j++)
                        pids[n++] = start(flooder, floods[i].go);
        sleep(1);
        pid = start(worker, go_to_work);
        waitpid(pid, NULL, 0);
        while (n > 0) {
                all_flooded &= waitpid(pids[--n], NULL, WNOHANG) == 0;
                kill(pids[n], SIGKILL);
                waitpid(pids[n], NULL, 0);
        }
        return all_flooded;
}

/* The exit status. */
static int measure(const char *what, size_t from, size_t to, uid_t flooder, uid_t worker) {
        bool is_good;
        double stolen;
        int tries = 0;

        do {
                struct times before = read_times();

                is_good = run(from, to, flooder, worker) && !has_failed(shared->of);
                stolen = share_stolen(before, read_times());
        } while (is_good && stolen > STOLEN_MAX && priority.sched_priority > 0 && ++tries < TRIES);
        printf("| %s", what);
        for (int way = 0; way < N_WAYS; way++)
                print_samples(&shared->of[way]);
        printf(" | %.1f |\n", 100 * stolen);
        fflush(stdout);
        if (!is_good)
                return 1;
        if (stolen > STOLEN_MAX)
                return 4;
        return keeps_promise(shared->of) ? 0 : 3;
}

static void print_head(void) {
        printf("| flood | kept: median | p99 | longest | errors | new: median | p99 | longest | "
               "errors | new, without waiting: median | p99 | longest | errors | taken by other "
               "machines, %% |\n");
        printf("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | "
               "--- |\n");
}

/* What has failed comes before what was only promised, and that before what was not seen. */
static int worse(int a, int b) {
        static const int statuses[] = {1, 3, 4};

        for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
                if (a == statuses[i] || b == statuses[i])
                        return statuses[i];
        return 0;
}

int main(int argc, char **argv) {
        struct rlimit limit;
        uid_t flooder, worker;
        int status;

        if (argc != 6 || !dial_address(argv[1], &address)) {
                fprintf(stderr, "usage: flood SOCKET FLOODER-UID WORKER-UID SECONDS PRIORITY\n");
                return 2;
        }
        flooder = (uid_t)strtoul(argv[2], NULL, 10);
        worker = (uid_t)strtoul(argv[3], NULL, 10);
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        if (shared == MAP_FAILED || getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return 1;
        shared->seconds = strtod(argv[4], NULL);
        priority.sched_priority = atoi(argv[5]);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        pipelined();

        print_head();
        status = measure("none", 0, 0, flooder, worker);
        for (size_t i = 0; i < FLOODS; i++)
                status = worse(status, measure(floods[i].what, i, i + 1, flooder, worker));
        return worse(status, measure("all of these at once", 0, FLOODS, flooder, worker));
}
