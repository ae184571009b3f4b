/* SPDX-License-Identifier: MIT */
/* bearerd-fetch - makes one token request for bearerd, and exits.
 *
 * Started for each request, by bearerd or by systemd (Accept=yes), with the socket as fd 0. It
 * hears a token's name, and nothing else: where the request goes and with what credentials, its own
 * configuration says. It exits 0 whatever the outcome, which is in its answer. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/log.h"
#include "base/timespan.h"
#include "config_file.h"
#include "fetch/attempt.h"
#include "fetch/check.h"
#include "fetch/conversation.h"
#include "fetch/keygen.h"
#include "fetch/probe.h"

#define HEAR_TIMEOUT (5 * NSEC_PER_SEC)
/* In seconds, until the attempt sets its own: hearing the name, reading files. */
#define ALARM_AT_START 10

struct options {
        const char *config;
        const char *probe;  /* the name of a token, or NULL */
        const char *keygen; /* an algorithm, or NULL */
        bool check_config;
};

static const char help[] =
        "bearerd-fetch [--config FILE] [--check-config | --probe NAME | --keygen ALGORITHM]\n"
        "\n"
        "Makes one token request for bearerd, which starts it with a socket as its stdin.\n"
        "\n"
        "  --config FILE   instead of " CONFIGURATION_FILE "\n"
        "  --check-config  checks the configuration and its credentials, sends nothing; 0 or 78\n"
        "  --probe NAME    looks at the credentials of that token, and at its endpoint (DNS, TCP, TLS,\n"
        "                  clock) without asking for one, and writes what it finds as JSON; see\n"
        "                  'bearerctl doctor'\n"
        "  --keygen ALGORITHM\n"
        "                  makes a key pair for 'bearerctl keygen', the private one into descriptor 3\n"
        "  --help          this\n"
        "  --version       the version\n";

/* 0: go on; < 0: exit, *ret_status says how. */
static int options_parse(int argc, char **argv, struct options *ret_options, int *ret_status) {
        static const struct option known[] = {
                {"config", required_argument, NULL, 'c'},
                {"check-config", no_argument, NULL, 'n'},
                {"help", no_argument, NULL, 'h'},
                {"probe", required_argument, NULL, 'p'},
                {"keygen", required_argument, NULL, 'k'},
                {"version", no_argument, NULL, 'v'},
                {NULL, 0, NULL, 0},
        };
        int option, at;

        *ret_status = EX_USAGE;
        opterr = 0; /* what is wrong is ours to say */
        while ((at = optind, option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
                if (option == 'c')
                        ret_options->config = optarg;
                else if (option == 'p')
                        ret_options->probe = optarg;
                else if (option == 'k')
                        ret_options->keygen = optarg;
                else if (option == 'n')
                        ret_options->check_config = true;
                else if (option == '?') {
                        log_line(MESSAGE_WRONG_USAGE,
                                 "%s: no such option, or its value is missing or too much; see "
                                 "bearerd-fetch --help",
                                 argv[at]);
                        return -EINVAL;
                } else {
                        *ret_status = EX_OK;
                        fputs(option == 'h' ? help : "bearerd-fetch " VERSION "\n", stdout);
                        return -ECANCELED;
                }
        }
        if (optind == argc)
                return 0;
        log_line(MESSAGE_WRONG_USAGE, "unexpected argument '%s'; see bearerd-fetch --help",
                 argv[optind]);
        return -EINVAL;
}

static int harden(void) {
        signal(SIGPIPE, SIG_IGN);
        signal(SIGALRM, SIG_DFL);
        return harden_process();
}

static bool is_socket(int fd) {
        int type;
        socklen_t size = sizeof type;

        return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* bearerd tells of every other outcome; this one is about what is here. */
static void log_misconfigured(const char *name, const struct outcome *outcome) {
        struct log_message message;

        log_begin(&message, MESSAGE_FETCH_MISCONFIGURED);
        log_field(&message, "BEARERD_TOKEN", "%s", name);
        log_send(&message, "token %s: %s", name, outcome->message);
}

static void log_not_heard(const char *name, int error) {
        struct log_message message;

        log_begin(&message, MESSAGE_FETCH_NOT_HEARD);
        log_field(&message, "BEARERD_TOKEN", "%s", name);
        log_field(&message, "ERRNO", "%d", -error);
        log_send(&message, "cannot answer for token %s: %s", name, strerror(-error));
}

static void answer(int fd, const char *file, const char *name) {
        struct outcome outcome;
        int r;

        attempt_make(file, name, &outcome);
        if (outcome.kind == OUTCOME_MISCONFIGURED)
                log_misconfigured(name, &outcome);
        r = conversation_answer(fd, &outcome);
        if (r < 0 && r != -EPIPE && r != -ECONNRESET)
                log_not_heard(name, r);
        outcome_deinit(&outcome);
}

/* Who looks says what is found, and whether nothing is heard. */
static void answer_probe(int fd, const char *file, const char *name) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(FETCHLINE_MAX);

        probe_make(file, name, true, &line);
        conversation_send(fd, &line);
}

static int serve(int fd, const char *file) {
        struct fetchline_request request;
        int r;

        if (!is_socket(fd)) {
                log_line(MESSAGE_WRONG_USAGE, "stdin is no socket: bearerd or systemd starts this "
                                              "program; see bearerd-fetch --help");
                return EX_USAGE;
        }
        alarm(ALARM_AT_START);
        r = conversation_hear(fd, HEAR_TIMEOUT, &request);
        if (r < 0) {
                log_errno(MESSAGE_FETCH_NOT_ASKED, r, "no token's name came");
                return EX_OK;
        }
        if (request.is_probe)
                answer_probe(fd, file, request.name);
        else
                answer(fd, file, request.name);
        return EX_OK;
}

/* On stdout. 0, whatever is found. */
static int probe(const char *file, const char *name) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(FETCHLINE_MAX);

        if (!token_name_is_valid(slice_of(name))) {
                log_line(MESSAGE_WRONG_USAGE, "--probe: that is no name of a token");
                return EX_USAGE;
        }
        probe_make(file, name, false, &line);
        if (buffer_error(&line) < 0 || fwrite(line.data, line.size, 1, stdout) != 1 ||
            fflush(stdout) == EOF)
                return EX_OSERR;
        return EX_OK;
}

static int check(const char *file) {
        int r = check_configuration(file);

        if (r < 0 && r != -EINVAL)
                log_errno(MESSAGE_CANNOT_GO_ON, r, "cannot check the configuration");
        return r == 0 ? EX_OK : r == -EINVAL ? EX_CONFIG : EX_OSERR;
}

int main(int argc, char **argv) {
        struct options options = {0};
        const char *file;
        int status, r;

        log_open("bearerd-fetch");
        r = harden();
        if (r < 0) {
                log_errno(MESSAGE_CANNOT_GO_ON, r, "cannot give up privileges and core dumps");
                return EX_OSERR;
        }
        if (options_parse(argc, argv, &options, &status) < 0)
                return status;
        if (options.keygen)
                return keygen(options.keygen);
        file = config_file_choose(options.config);
        if (options.probe)
                return probe(file, options.probe);
        return options.check_config ? check(file) : serve(STDIN_FILENO, file);
}
