/* SPDX-License-Identifier: MIT */
/* network - the doctor's look at the credentials and at the endpoint, by bearerd-fetch: the only
 * program here that has a network, TLS, and what is said there. As root under systemd it is asked
 * on the socket where bearerd asks it, so that the look has its user, sandbox and settings; else it
 * is started. Where bearerd has it, it must answer. No credential is sent, or told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "bearer.h"
#include "client/address.h"
#include "client/bearerctl_json.h"
#include "client/doctor/doctor.h"

#define URL_PREFIX      "unix:"
#define ANSWER_MAX      ((size_t)32768)
#define SLACK           (10 * NSEC_PER_SEC)
#define DEFAULT_TIMEOUT (30 * NSEC_PER_SEC)

/* Where bearerd-fetch is: a socket or a program. */
struct prober {
        const char *name; /* as --fetch has it */
        const char *path;
        bool is_socket;
        bool is_guessed; /* nobody has said that it is there */
        bool is_foreign; /* bearerd has said so, of a program that is not the installed one */
        pid_t pid;       /* of the program */
};

static bool is_url(const char *fetch) {
        return strncmp(fetch, URL_PREFIX, strlen(URL_PREFIX)) == 0;
}

static struct prober prober_of(const char *fetch) {
        bool is_socket = is_url(fetch);

        return (struct prober){
                .name = fetch,
                .path = is_socket ? fetch + strlen(URL_PREFIX) : fetch,
                .is_socket = is_socket,
        };
}

/* Who may ask bearerd alone, and not its bearerd-fetch, is in no trouble. */
static bool is_closed(const struct prober *prober) {
        return access(prober->path, prober->is_socket ? W_OK : X_OK) < 0 && errno == EACCES;
}

/* Where there is no control socket to ask on. */
static struct prober guess(const struct ctl *ctl) {
        bool is_unit = geteuid() == 0 && !ctl->config && access(FETCH_SOCKET, F_OK) == 0;
        struct prober prober = prober_of(is_unit ? URL_PREFIX FETCH_SOCKET : FETCH_PROGRAM);

        prober.is_guessed = !is_unit;
        return prober;
}

static struct prober choose(const struct doctor *doctor) {
        struct prober prober;

        if (doctor->ctl->fetch)
                return prober_of(doctor->ctl->fetch);
        if (!doctor->fetch)
                return guess(doctor->ctl);
        prober = prober_of(doctor->fetch);
        prober.is_foreign = !prober.is_socket && strcmp(prober.path, FETCH_PROGRAM) != 0;
        return is_closed(&prober) ? guess(doctor->ctl) : prober;
}

/* ---- asking it ---- */

/* A descriptor with its answer; -errno. */
static int connect_to(const struct prober *prober, const char *name) {
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address;
        char line[sizeof "probe \n" + TOKEN_NAME_MAX];
        int length = snprintf(line, sizeof line, "probe %s\n", name);
        int opened, r = address_read(prober->path, &address);

        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            send(fd, line, (size_t)length, MSG_NOSIGNAL) < 0)
                return -errno;
        opened = fd;
        fd = -1; /* consumed */
        return opened;
}

static void become_program(const struct prober *prober, const struct doctor *doctor, int out) {
        char program[] = "bearerd-fetch", to_probe[] = "--probe", by_config[] = "--config";
        char name[TOKEN_NAME_MAX + 1];
        _cleanup_free_ char *file = doctor->config_file ? strdup(doctor->config_file) : NULL;
        char *with_file[] = {program, by_config, file, to_probe, name, NULL};
        char *without_file[] = {program, to_probe, name, NULL};
        int null = open("/dev/null", O_RDWR);

        strcpy(name, doctor->name);
        if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
            dup2(out, STDOUT_FILENO) < 0)
                _exit(126);
        execv(prober->path, file ? with_file : without_file);
        _exit(127);
}

static int start(struct prober *prober, const struct doctor *doctor) {
        int ends[2];

        if (access(prober->path, X_OK) < 0)
                return -errno;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        prober->pid = fork();
        if (prober->pid == 0)
                become_program(prober, doctor, ends[1]);
        close(ends[1]);
        if (prober->pid < 0) {
                close(ends[0]);
                return -errno;
        }
        return ends[0];
}

/* Until its end. 0; -ETIMEDOUT; -errno. */
static int read_answer(int fd, uint64_t deadline, struct buffer *answer) {
        for (;;) {
                struct pollfd ready = {.fd = fd, .events = POLLIN};
                uint64_t left = time_until(deadline, clock_now());
                int r = poll(&ready, 1, (int)(left / NSEC_PER_MSEC) + 1);
                ssize_t size;

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0)
                        continue;
                r = buffer_reserve(answer, 4096);
                if (r < 0)
                        return r;
                size = read(fd, answer->data + answer->size, 4096);
                if (size < 0)
                        return -errno;
                if (size == 0)
                        return 0;
                buffer_added(answer, (size_t)size);
        }
}

static void prober_end(const struct prober *prober) {
        if (prober->pid <= 0)
                return;
        kill(prober->pid, SIGKILL); /* it has said all, or too little in time */
        while (waitpid(prober->pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* 0; -errno. */
static int probe(struct prober *prober, const struct doctor *doctor, struct buffer *answer) {
        uint64_t timeout = doctor->token ? doctor->token->timeout : DEFAULT_TIMEOUT;
        _cleanup_close_ int fd = -1;
        int r;

        fd = prober->is_socket ? connect_to(prober, doctor->name) : start(prober, doctor);
        if (fd < 0)
                return fd;
        r = read_answer(fd, clock_now() + 2 * timeout + SLACK, answer);
        prober_end(prober);
        return r;
}

/* ---- what it says ---- */

static bool tell(struct doctor *doctor, struct json_object *found) {
        const char *result = ctl_json_text(found, "result");
        const char *check = ctl_json_text(found, "check");
        const char *message = ctl_json_text(found, "message");

        if (strcmp(result, "ok") == 0)
                return report_ok(&doctor->report, check, "%s", message);
        if (strcmp(result, "warning") == 0)
                return report_warn(&doctor->report, check, NULL, "%s", message);
        if (strcmp(result, "skipped") == 0)
                return report_skip(&doctor->report, check, "%s", message);
        return report_wrong(&doctor->report, check, ctl_json_text(found, "mend"), "%s", message);
}

const char *doctor_mend_fetch(const char *fetch) {
        return is_url(fetch) ? "systemctl restart bearerd-fetch.socket, or see --fetch"
                             : "install it there, or see --fetch";
}

/* bearerd may well have another one, where nobody has said which. */
static bool silent(struct doctor *doctor, const struct prober *prober, const char *why,
                   const char *mend) {
        if (prober->is_guessed)
                return report_skip(&doctor->report, "network", "bearerd-fetch at '%s': %s",
                                   prober->name, why);
        return report_wrong(&doctor->report, "fetch", mend, "bearerd-fetch at '%s': %s",
                            prober->name, why);
}

/* bearerd may do less than who calls: a program that it names is not run for it. */
static bool foreign(struct doctor *doctor, const struct prober *prober) {
        if (access(prober->path, X_OK) < 0)
                return silent(doctor, prober, bearer_strerror(-errno),
                              doctor_mend_fetch(prober->name));
        return report_skip(&doctor->report, "network",
                           "bearerd has its bearerd-fetch at '%s', which is not run on its word: "
                           "name it by --fetch",
                           prober->name);
}

bool doctor_check_network(struct doctor *doctor) {
        _cleanup_(buffer_deinit) struct buffer text = BUFFER_INIT(ANSWER_MAX);
        _cleanup_json_ struct json_object *answer = NULL;
        struct prober prober = choose(doctor);
        struct json_object *checks;
        int r;

        if (prober.is_foreign)
                return foreign(doctor, &prober);
        r = probe(&prober, doctor, &text);
        if (r < 0)
                return silent(doctor, &prober, bearer_strerror(r), doctor_mend_fetch(prober.name));
        if (text.size > 0 && text.data[text.size - 1] == '\n')
                text.size--;
        answer = ctl_json_parse(buffer_slice(&text));
        checks = ctl_json_array(answer, "checks");
        if (!checks)
                return silent(doctor, &prober, "it says nothing that is known here",
                              "'journalctl -u bearerd-fetch@*' may say why; check that the "
                              "versions go together");
        report_ok(&doctor->report, "fetch", "bearerd-fetch answers at %s", prober.name);
        for (size_t i = 0; i < json_object_array_length(checks); i++)
                if (!tell(doctor, json_object_array_get_idx(checks, i)))
                        return false;
        return true;
}
