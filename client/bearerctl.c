/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/decimal.h"
#include "base/timespan.h"
#include "bearer.h"
#include "client/bearerctl.h"
#include "client/bearerctl_usage.h"
#include "client/output.h"
#include "core/name.h"
#include "wire/api.h"
#include "wire/client_auth.h"

enum option_code {
        OPTION_ALGORITHM = 1,
        OPTION_AS,
        OPTION_CONFIG,
        OPTION_CONTROL,
        OPTION_ENCRYPT,
        OPTION_ENV,
        OPTION_EXEC,
        OPTION_FD,
        OPTION_FETCH,
        OPTION_HELP,
        OPTION_JSON,
        OPTION_MIN_VALID,
        OPTION_MODE,
        OPTION_NO_REQUEST,
        OPTION_ONCE,
        OPTION_OPENMETRICS,
        OPTION_OUTPUT,
        OPTION_RESTART,
        OPTION_SOCKET,
        OPTION_TIMEOUT,
        OPTION_VERSION,
        OPTION_WAIT,
        OPTION_END,
};
_Static_assert(OPTION_END < ' ', "no code is a letter's");

#define OPTIONS_MAX 8
#define FD_MAX      1023

static const struct option global_options[] = {
        {"control", required_argument, NULL, OPTION_CONTROL},
        {"help", no_argument, NULL, OPTION_HELP},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
};

static int help(const struct ctl *ctl, struct buffer *out);

static const struct command {
        const char *name;
        int (*run)(const struct ctl *ctl, struct buffer *out);
        const char *usage;
        bool takes_name, takes_file, takes_command;
        struct option options[OPTIONS_MAX + 1]; /* and --help */
} commands[] = {
        {"doctor", ctl_doctor, usage_doctor, .takes_name = true,
         .options = {{"as", required_argument, NULL, OPTION_AS},
                     {"config", required_argument, NULL, OPTION_CONFIG},
                     {"fetch", required_argument, NULL, OPTION_FETCH},
                     {"json", no_argument, NULL, OPTION_JSON},
                     {"no-request", no_argument, NULL, OPTION_NO_REQUEST},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"exec", ctl_exec, usage_exec, .takes_name = true, .takes_command = true,
         .options = {{"env", required_argument, NULL, OPTION_ENV},
                     {"fd", required_argument, NULL, OPTION_FD},
                     {"restart-on-renewal", no_argument, NULL, OPTION_RESTART},
                     {"wait", required_argument, NULL, OPTION_WAIT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"get", ctl_get, usage_get, .takes_name = true,
         .options = {{"json", no_argument, NULL, OPTION_JSON},
                     {"min-valid", required_argument, NULL, OPTION_MIN_VALID},
                     {"wait", required_argument, NULL, OPTION_WAIT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"header", ctl_header, usage_header, .takes_name = true,
         .options = {{"wait", required_argument, NULL, OPTION_WAIT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"help", help, usage_help, .takes_name = true,
         .options = {{"help", no_argument, NULL, OPTION_HELP}}},
        {"keygen", ctl_keygen, usage_keygen, .takes_name = true,
         .options = {{"algorithm", required_argument, NULL, OPTION_ALGORITHM},
                     {"encrypt", no_argument, NULL, OPTION_ENCRYPT},
                     {"fetch", required_argument, NULL, OPTION_FETCH},
                     {"output", required_argument, NULL, OPTION_OUTPUT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"metrics", ctl_metrics, usage_metrics,
         .options = {{"openmetrics", no_argument, NULL, OPTION_OPENMETRICS},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"refresh", ctl_refresh, usage_refresh, .takes_name = true,
         .options = {{"wait", required_argument, NULL, OPTION_WAIT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"renew", ctl_renew, usage_renew, .takes_name = true,
         .options = {{"wait", required_argument, NULL, OPTION_WAIT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"status", ctl_status, usage_status,
         .options = {{"json", no_argument, NULL, OPTION_JSON},
                     {"once", no_argument, NULL, OPTION_ONCE},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"wait", ctl_wait, usage_wait, .takes_name = true,
         .options = {{"timeout", required_argument, NULL, OPTION_TIMEOUT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"watch", ctl_watch, usage_watch, .takes_name = true,
         .options = {{"exec", required_argument, NULL, OPTION_EXEC},
                     {"json", no_argument, NULL, OPTION_JSON},
                     {"help", no_argument, NULL, OPTION_HELP}}},
        {"write", ctl_write, usage_write, .takes_name = true, .takes_file = true,
         .options = {{"mode", required_argument, NULL, OPTION_MODE},
                     {"once", no_argument, NULL, OPTION_ONCE},
                     {"wait", required_argument, NULL, OPTION_WAIT},
                     {"help", no_argument, NULL, OPTION_HELP}}},
};

#define N_COMMANDS (sizeof commands / sizeof *commands)

static const struct command *find_command(const char *name) {
        for (size_t i = 0; i < N_COMMANDS; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

/* ---- misuse ---- */

/* VERB: the command that it is about, or NULL. */
__attribute__((format(printf, 2, 3))) static int usage(const char *verb, const char *format, ...) {
        va_list arguments;

        fputs("bearerctl: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fprintf(stderr, "; see 'bearerctl %s%s--help'\n", verb ? verb : "", verb ? " " : "");
        return EX_USAGE;
}

static int unknown_command(const char *name) {
        return usage(NULL, "there is no command '%s'", name);
}

/* WORD is "--name" or "--name=value". */
static bool is_among(const char *word, const struct option *options) {
        size_t size = strcspn(word, "=");

        for (; options->name; options++)
                if (size == strlen("--") + strlen(options->name) &&
                    strncmp(word + strlen("--"), options->name, strlen(options->name)) == 0)
                        return true;
        return false;
}

static bool is_of_a_command(const char *word) {
        for (size_t i = 0; i < N_COMMANDS; i++)
                if (is_among(word, commands[i].options))
                        return true;
        return false;
}

/* One that is not known to COMMAND, or, where that is NULL, before any. */
static int unknown_option(const struct command *command, const char *word) {
        if (command && is_among(word, global_options))
                return usage(NULL, "option %s goes before the command %s", word, command->name);
        if (!command && is_of_a_command(word))
                return usage(NULL, "option %s goes behind a command", word);
        return usage(command ? command->name : NULL, "option %s is not known%s", word,
                     command && command->takes_command ? " here; a command goes behind \"--\""
                                                       : "");
}

/* getopt_long() stumbles over a letter, which may be one of several in a word, or over a word,
 * which is behind it then. */
static int bad_option(const struct command *command, int code, char **argv) {
        const char *verb = command ? command->name : NULL, *word = argv[optind - 1];
        char letter[] = {'-', (char)optopt, 0};

        if (code == ':')
                return usage(verb, "option %s needs a value", word);
        if (optopt > OPTION_END)
                return unknown_option(command, letter);
        if (optopt > 0)
                return usage(verb, "option %s: it takes no value", word);
        return unknown_option(command, word);
}

/* ---- what is read ---- */

static int read_seconds(const struct ctl *ctl, const char *option, uint64_t most,
                        uint64_t *ret_value) {
        if (decimal_parse(slice_of(optarg), most, ret_value) == 0)
                return EX_OK;
        return usage(ctl->verb, "%s %s: whole seconds from 0 to %" PRIu64 " are needed", option,
                     optarg, most);
}

/* A name that setenv(3) takes, and a shell too. */
static bool is_variable(const char *name) {
        static const char characters[] =
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

        return *name && (*name < '0' || *name > '9') && name[strspn(name, characters)] == 0;
}

/* Permissions as chmod(1) takes them, in octal. */
static int read_mode(struct ctl *ctl) {
        size_t length = strlen(optarg);
        unsigned mode = 0;

        if (length == 0 || length > 4 || strspn(optarg, "01234567") != length)
                return usage(ctl->verb, "--mode %s: octal permissions are needed, as 0640", optarg);
        for (const char *digit = optarg; *digit; digit++)
                mode = mode * 8 + (unsigned)(*digit - '0');
        if (mode > 0777)
                return usage(ctl->verb, "--mode %s: 0777 is the most", optarg);
        ctl->mode = mode;
        return EX_OK;
}

/* 0 to 2 are those that every program has. */
static int read_fd(struct ctl *ctl) {
        uint64_t fd;

        if (decimal_parse(slice_of(optarg), FD_MAX, &fd) < 0 || fd <= 2)
                return usage(ctl->verb, "--fd %s: a descriptor from 3 to %d is needed", optarg,
                             FD_MAX);
        ctl->fd = (int)fd;
        return EX_OK;
}

static int read_wait(struct ctl *ctl) {
        uint64_t wait;
        int status = read_seconds(ctl, "--wait", API_WAIT_MAX, &wait);

        if (status == EX_OK)
                ctl->timeout_ms = (int)wait * 1000;
        return status;
}

/* What takes no reading. Whether it is one. */
static bool take_plain_option(struct ctl *ctl, int code) {
        switch (code) {
        case OPTION_AS:
                ctl->as = optarg;
                return true;
        case OPTION_CONFIG:
                ctl->config = optarg;
                return true;
        case OPTION_ENCRYPT:
                ctl->encrypt = true;
                return true;
        case OPTION_FETCH:
                ctl->fetch = optarg;
                return true;
        case OPTION_JSON:
                ctl->json = true;
                return true;
        case OPTION_NO_REQUEST:
                ctl->no_request = true;
                return true;
        case OPTION_ONCE:
                ctl->once = true;
                return true;
        case OPTION_OPENMETRICS:
                ctl->openmetrics = true;
                return true;
        case OPTION_RESTART:
                ctl->restart = true;
                return true;
        default:
                return false;
        }
}

static int read_variable(struct ctl *ctl) {
        if (!is_variable(optarg))
                return usage(ctl->verb, "--env %s: the name of a variable is needed, as API_TOKEN",
                             optarg);
        ctl->env = optarg;
        return EX_OK;
}

static int read_algorithm(struct ctl *ctl) {
        enum signing_algorithm algorithm;

        if (!signing_algorithm_find(optarg, &algorithm))
                return usage(ctl->verb, "--algorithm %s: " SIGNING_ALGORITHM_WORDS " is needed",
                             optarg);
        ctl->algorithm = optarg;
        return EX_OK;
}

static int read_output(struct ctl *ctl) {
        if (*optarg != '/')
                return usage(ctl->verb, "--output %s: an absolute path is needed", optarg);
        ctl->output = optarg;
        return EX_OK;
}

static int take_option(struct ctl *ctl, const struct command *command, int code, char **argv) {
        switch (code) {
        case OPTION_ALGORITHM:
                return read_algorithm(ctl);
        case OPTION_ENV:
                return read_variable(ctl);
        case OPTION_EXEC:
                ctl->exec = optarg;
                return EX_OK;
        case OPTION_FD:
                return read_fd(ctl);
        case OPTION_MIN_VALID:
                return read_seconds(ctl, "--min-valid", UINT32_MAX, &ctl->min_valid);
        case OPTION_MODE:
                return read_mode(ctl);
        case OPTION_OUTPUT:
                return read_output(ctl);
        case OPTION_TIMEOUT:
                return read_seconds(ctl, "--timeout", UINT32_MAX, &ctl->patience);
        case OPTION_WAIT:
                return read_wait(ctl);
        default:
                return take_plain_option(ctl, code) ? EX_OK : bad_option(command, code, argv);
        }
}

static int take_arguments(struct ctl *ctl, const struct command *command, int argc, char **argv) {
        int most = (command->takes_file ? 1 : 0) + (command->takes_name ? 1 : 0);

        if (argc > most)
                return usage(ctl->verb, "'%s' is one argument too many%s", argv[most],
                             command->takes_command ? "; a command goes behind \"--\"" : "");
        if (command->takes_file && (argc == 0 || !argv[0][0]))
                return usage(ctl->verb, "a file is missing");
        if (command->takes_file) {
                ctl->file = *argv++;
                argc--;
        }
        if (argc > 0)
                ctl->name = argv[0];
        if (command->run == ctl_keygen && (!ctl->name || !ctl->algorithm))
                return usage(ctl->verb, "the token's name and --algorithm are needed");
        if (command->run == ctl_keygen && !token_name_is_valid(slice_of(ctl->name)))
                return usage(ctl->verb, "'%s' is not the name of a token", ctl->name);
        if (command->takes_command && (!ctl->command || !ctl->command[0]))
                return usage(ctl->verb, "a command is missing, behind \"--\"");
        return EX_OK;
}

/* ---- commands ---- */

static int help(const struct ctl *ctl, struct buffer *out) {
        const struct command *command = ctl->name ? find_command(ctl->name) : NULL;

        if (ctl->name && !command)
                return unknown_command(ctl->name);
        buffer_append_text(out, command ? command->usage : usage_overview);
        return EX_OK;
}

/* The first "--" ends what is ours. Where that is, or ARGC. */
static int split(int argc, char **argv) {
        int i = 1;

        while (i < argc && strcmp(argv[i], "--") != 0)
                i++;
        return i;
}

static int run(struct ctl *ctl, const struct command *command, int argc, char **argv,
               struct buffer *out) {
        int own = command->takes_command ? split(argc, argv) : argc;
        int status = EX_OK, code;

        if (own < argc) {
                ctl->command = argv + own + 1;
                argv[own] = NULL;
        }
        ctl->verb = command->name;
        optind = 0; /* getopt(3): start anew */
        while (status == EX_OK &&
               (code = getopt_long(own, argv, ":h", command->options, NULL)) != -1) {
                if (code == OPTION_HELP || code == 'h') {
                        buffer_append_text(out, command->usage);
                        return EX_OK;
                }
                status = take_option(ctl, command, code, argv);
        }
        if (status == EX_OK)
                status = take_arguments(ctl, command, own - optind, argv + optind);
        return status == EX_OK ? command->run(ctl, out) : status;
}

static int dispatch(struct ctl *ctl, int argc, char **argv, struct buffer *out) {
        const struct command *command;

        if (argc == 0)
                return usage(NULL, "a command is missing");
        command = find_command(argv[0]);
        return command ? run(ctl, command, argc, argv, out) : unknown_command(argv[0]);
}

/* Options before the command; then the command. */
static int start(struct ctl *ctl, int argc, char **argv, struct buffer *out) {
        int code;

        while ((code = getopt_long(argc, argv, "+:h", global_options, NULL)) != -1) {
                switch (code) {
                case OPTION_HELP:
                case 'h':
                        return help(ctl, out);
                case OPTION_VERSION:
                        buffer_append_text(out, "bearerctl " VERSION "\n");
                        return EX_OK;
                case OPTION_CONTROL:
                        ctl->control = optarg;
                        break;
                case OPTION_SOCKET:
                        ctl->socket = optarg;
                        break;
                default:
                        return bad_option(NULL, code, argv);
                }
        }
        return dispatch(ctl, argc - optind, argv + optind, out);
}

/* In the place of what was closed, a descriptor that is of no use, as that would have been: else a
 * socket or a file takes it, and what is meant for the user goes there. */
static int keep_places(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
                    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
                        return -errno;
        return 0;
}

/* A token passes through: no core dump, no ptrace by others of this user. Not by harden_process():
 * exec's command is to find the limits that the user has. This one ends with execve(2). */
int main(int argc, char **argv) {
        _cleanup_(buffer_deinit) struct buffer out = BUFFER_INIT(OUTPUT_MAX);
        struct ctl ctl = {.fd = -1, .mode = 0600, .patience = NEVER, .timeout_ms = -1};
        int status, r;

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        r = keep_places();
        if (r < 0) {
                fprintf(stderr, "bearerctl: /dev/null: %s; leave stdin, stdout and stderr open\n",
                        bearer_strerror(r));
                return EX_OSERR;
        }
        status = start(&ctl, argc, argv, &out);
        if (status != EX_OK)
                return status;
        r = output_finish(&out);
        return r < 0 ? ctl_fail_stdout(r) : EX_OK;
}
