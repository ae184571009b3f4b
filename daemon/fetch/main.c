/* SPDX-License-Identifier: MIT */
/* bearerd-fetch - one token request, then exit. Descriptor 0 is the connection that asks: a token's
 * name comes in, an outcome goes out. What and where is requested is in the configuration alone. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/log.h"
#include "config_file.h"
#include "fetch/credentials.h"
#include "fetch/request.h"
#include "wire/config.h"
#include "wire/fetchline.h"

/* Who connects says at once what it wants. */
#define ASK_TIMEOUT_MS 5000
/* Whatever hangs, the process ends this long after the request's own deadline. */
#define ALARM_MARGIN 3 /* seconds */

static const char usage[] =
        "bearerd-fetch [OPTIONS]\n"
        "\n"
        "Makes one OAuth 2.0 token request for bearerd, which starts it with a socket as its standard\n"
        "input: the name of a token comes in, one line of JSON goes out.\n"
        "\n"
        "  --config FILE    read FILE (default: " CONFIGURATION_FILE ";\n"
        "                   without one, BEARERD_CLIENT_ID and others from the environment)\n"
        "  --check-config   check the configuration and read the credentials, say every mistake,\n"
        "                   and exit\n"
        "  --help, --version\n"
        "\n"
        "Exit status: 0 done, whatever the outcome; 64 wrong command line; 71 the system failed;\n"
        "78 wrong configuration.\n";

struct options {
        const char *config;
        bool check_config;
};

static int options_parse(int argc, char **argv, struct options *ret_options) {
        static const struct option known[] = {
                {"config", required_argument, NULL, 'c'},
                {"check-config", no_argument, NULL, 'n'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {0},
        };
        struct options options = {0};
        int option;

        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                switch (option) {
                case 'c':
                        options.config = optarg;
                        break;
                case 'n':
                        options.check_config = true;
                        break;
                case 'h':
                        fputs(usage, stdout);
                        return 1;
                case 'v':
                        puts("bearerd-fetch " VERSION);
                        return 1;
                default:
                        fputs("bearerd-fetch: see bearerd-fetch --help\n", stderr);
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "bearerd-fetch: unexpected argument '%s': see bearerd-fetch --help\n",
                        argv[optind]);
                return -EINVAL;
        }
        *ret_options = options;
        return 0;
}

/* ---- one request ---- */

/* The line that says which token, without its newline. 0, or -errno. */
static int read_name(int fd, char ret_name[TOKEN_NAME_MAX + 1]) {
        char line[TOKEN_NAME_MAX + 1];
        size_t size = 0;

        for (;;) {
                struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
                const char *newline = memchr(line, '\n', size);
                ssize_t more;

                if (newline)
                        return fetchline_request_parse(
                                (struct slice){line, (size_t)(newline - line)}, ret_name);
                if (size == sizeof line)
                        return -EBADMSG;
                if (poll(&poll_fd, 1, ASK_TIMEOUT_MS) <= 0)
                        return -ETIMEDOUT;
                more = recv(fd, line + size, sizeof line - size, 0);
                if (more < 0)
                        return -errno;
                if (more == 0)
                        return -EPIPE;
                size += (size_t)more;
        }
}

/* 0, or -errno. */
static int answer(int fd, const struct outcome *outcome) {
        _cleanup_(buffer_deinit) struct buffer line = BUFFER_INIT(FETCHLINE_MAX);
        size_t sent = 0;

        fetchline_render(&line, outcome);
        if (buffer_error(&line) < 0)
                return buffer_error(&line);
        while (sent < line.size) {
                ssize_t n = send(fd, line.data + sent, line.size - sent, MSG_NOSIGNAL);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        sent += (size_t)n;
        }
        return 0;
}

static void misconfigured(struct outcome *outcome, const char *what) {
        outcome->kind = OUTCOME_MISCONFIGURED;
        outcome_explain(outcome, "%s", what);
}

static void request(const struct config_token *token, struct outcome *outcome) {
        _cleanup_(credentials_deinit) struct credentials credentials = CREDENTIALS_INIT;
        int r = credentials_load(token, &credentials, outcome);

        if (r == -ENOMEM)
                misconfigured(outcome, "out of memory");
        if (r < 0)
                return;
        alarm((unsigned)(token->timeout / NSEC_PER_SEC) + ALARM_MARGIN);
        request_perform(token, &credentials, outcome);
}

/* What the configuration has wrong, its first mistake stands for; the log has them all. */
static void fetch(const char *file, const char *name, struct outcome *outcome) {
        _cleanup_(config_messages_deinit) struct config_messages messages = CONFIG_MESSAGES_INIT;
        _cleanup_(cleanup_config) struct config *config = NULL;
        const struct config_token *token;

        if (config_file_read(file, &messages, &config) < 0) {
                config_file_tell(&messages);
                misconfigured(outcome, messages.n > 0 ? messages.list[0].text : "out of memory");
                return;
        }
        token = config_find(config, name);
        if (token)
                request(token, outcome);
        else
                misconfigured(outcome, "the configuration that bearerd-fetch reads has no such "
                                       "token: reload bearerd");
}

static int serve(const char *file, int fd) {
        _cleanup_(outcome_deinit) struct outcome outcome = OUTCOME_INIT;
        char name[TOKEN_NAME_MAX + 1];
        int r = read_name(fd, name);

        if (r < 0) {
                log_error("standard input must be a socket on which bearerd names a token: %s",
                          strerror(-r));
                return EX_USAGE;
        }
        fetch(file, name, &outcome);
        if (outcome.kind == OUTCOME_MISCONFIGURED)
                log_error("token %s: %s", name, outcome.message);
        r = answer(fd, &outcome);
        if (r < 0)
                log_warning("token %s: nobody takes the answer: %s", name, strerror(-r));
        return EX_OK;
}

/* ---- --check-config ---- */

static int check(const char *file) {
        _cleanup_(config_messages_deinit) struct config_messages messages = CONFIG_MESSAGES_INIT;
        _cleanup_(cleanup_config) struct config *config = NULL;
        int r = config_file_read(file, &messages, &config);
        size_t wrong = 0;

        config_file_tell(&messages);
        if (r < 0)
                return EX_CONFIG;
        for (size_t i = 0; i < config->n_tokens; i++) {
                _cleanup_(credentials_deinit) struct credentials credentials = CREDENTIALS_INIT;
                struct outcome outcome = OUTCOME_INIT;

                if (credentials_load(&config->tokens[i], &credentials, &outcome) < 0) {
                        log_error("token %s: %s", config->tokens[i].name, outcome.message);
                        wrong++;
                }
        }
        if (wrong > 0)
                return EX_CONFIG;
        printf("%zu token(s), credentials and all: good\n", config->n_tokens);
        return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int main(int argc, char **argv) {
        struct options options;
        int r = options_parse(argc, argv, &options);

        if (r != 0)
                return r < 0 ? EX_USAGE : EX_OK;
        log_open("bearerd-fetch");
        r = harden_process();
        if (r < 0) {
                log_error("cannot protect this process: %s", strerror(-r));
                return EX_OSERR;
        }
        signal(SIGPIPE, SIG_IGN);
        options.config = config_file_choose(options.config);
        if (options.check_config)
                return check(options.config);
        return serve(options.config, STDIN_FILENO);
}
