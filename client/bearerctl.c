/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/decimal.h"
#include "bearer.h"
#include "client/address.h"
#include "client/bearerctl.h"
#include "client/output.h"
#include "wire/api.h"

static const char help[] =
        "Usage: bearerctl [--socket PATH] [--control PATH] COMMAND\n"
        "\n"
        "The OAuth 2.0 bearer token of this host, from bearerd.\n"
        "\n"
        "Commands:\n"
        "  get [NAME]      write the token to stdout\n"
        "      --json          with all that belongs to it\n"
        "      --min-valid S   one with S seconds left, if such a one is to be had\n"
        "  header [NAME]   write the header for it: curl -H @<(bearerctl header) ...\n"
        "  renew [NAME]    have it renewed, because an API answered 401\n"
        "  exec [NAME] -- COMMAND [ARGUMENTS]\n"
        "                  run a command with the token in its environment\n"
        "      --env VARIABLE  under this name instead of BEARER_TOKEN\n"
        "  status          until when each token is valid, when it is renewed, what went wrong\n"
        "      --json          as bearerd says it\n"
        "  refresh [NAME]  have it renewed at once, as an operator; workers are served meanwhile\n"
        "  metrics         what bearerd counts, as Prometheus reads it\n"
        "      --openmetrics   as OpenMetrics 1.0\n"
        "  keygen NAME     make a key pair for a client that signs, and write the JWKS to register\n"
        "      --algorithm A   RS256, RS384, PS256, ES256 or ES384, as the client is registered\n"
        "      --encrypt       for this host, by systemd-creds: /etc/credstore.encrypted\n"
        "      --output PATH   instead of /etc/credstore/NAME.private_key\n"
        "      --fetch PROGRAM instead of the bearerd-fetch that is installed\n"
        "\n"
        "NAME is a token's name in bearerd.conf; without it, the default one.\n"
        "refresh and metrics are for who may use the control socket: root. So is the whole status;\n"
        "others see the tokens that they may have.\n"
        "get, header, renew and exec wait for a token: --wait S, 0 to 60 seconds, 20 unless given.\n"
        "\n"
        "Options:\n"
        "  --socket PATH   bearerd's socket, a path or unix:///path; else $BEARERD_SOCKET;\n"
        "                  else " TOKEN_SOCKET "\n"
        "  --control PATH  bearerd's socket for operators; else $BEARERD_CONTROL;\n"
        "                  else " CONTROL_SOCKET "\n"
        "  --help          this text\n"
        "  --version       the version\n"
        "\n"
        "Exit status:\n"
        "   0  done\n"
        "  64  wrong usage; no default token\n"
        "  66  no such token\n"
        "  69  bearerd is not reachable\n"
        "  71  no memory, no descriptors, and what else this host lacks\n"
        "  73  the private key could not be written\n"
        "  74  stdout could not be written\n"
        "  75  no token now, or no newer one: try again later\n"
        "  76  what answered is not bearerd\n"
        "  77  no permission, for the socket or for the token\n"
        "  78  the token endpoint refuses the credentials or the scope\n"
        "exec: the command's own; 126 if it cannot be run, 127 if there is none\n";

enum option_code {
        OPTION_ALGORITHM = 1,
        OPTION_CONTROL,
        OPTION_ENCRYPT,
        OPTION_ENV,
        OPTION_FETCH,
        OPTION_HELP,
        OPTION_JSON,
        OPTION_MIN_VALID,
        OPTION_OPENMETRICS,
        OPTION_OUTPUT,
        OPTION_SOCKET,
        OPTION_VERSION,
        OPTION_WAIT,
};

static const struct option global_options[] = {
        {"control", required_argument, NULL, OPTION_CONTROL},
        {"help", no_argument, NULL, OPTION_HELP},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
};

static const struct option get_options[] = {
        {"help", no_argument, NULL, OPTION_HELP},
        {"json", no_argument, NULL, OPTION_JSON},
        {"min-valid", required_argument, NULL, OPTION_MIN_VALID},
        {"wait", required_argument, NULL, OPTION_WAIT},
        {0},
};

static const struct option token_options[] = {
        {"help", no_argument, NULL, OPTION_HELP},
        {"wait", required_argument, NULL, OPTION_WAIT},
        {0},
};

static const struct option exec_options[] = {
        {"env", required_argument, NULL, OPTION_ENV},
        {"help", no_argument, NULL, OPTION_HELP},
        {"wait", required_argument, NULL, OPTION_WAIT},
        {0},
};

static const struct option status_options[] = {
        {"help", no_argument, NULL, OPTION_HELP},
        {"json", no_argument, NULL, OPTION_JSON},
        {0},
};

static const struct option metrics_options[] = {
        {"help", no_argument, NULL, OPTION_HELP},
        {"openmetrics", no_argument, NULL, OPTION_OPENMETRICS},
        {0},
};

static const struct option keygen_options[] = {
        {"algorithm", required_argument, NULL, OPTION_ALGORITHM},
        {"encrypt", no_argument, NULL, OPTION_ENCRYPT},
        {"fetch", required_argument, NULL, OPTION_FETCH},
        {"help", no_argument, NULL, OPTION_HELP},
        {"output", required_argument, NULL, OPTION_OUTPUT},
        {0},
};

static const struct option plain_options[] = {
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
};

static const struct command {
        const char *name;
        int (*run)(const struct ctl *ctl, struct buffer *out);
        const struct option *options;
        bool takes_name;
        bool takes_command;
} commands[] = {
        {"exec", ctl_exec, exec_options, true, true},
        {"get", ctl_get, get_options, true, false},
        {"header", ctl_header, token_options, true, false},
        {"keygen", ctl_keygen, keygen_options, true, false},
        {"metrics", ctl_metrics, metrics_options, false, false},
        {"refresh", ctl_refresh, plain_options, true, false},
        {"renew", ctl_renew, token_options, true, false},
        {"status", ctl_status, status_options, false, false},
};

/* What becomes of a result: the exit status, and what the user can do. */
static const struct advice {
        int result;
        int status;
        const char *next;
} advices[] = {
        {BEARER_E_DENIED, EX_CONFIG, "'bearerctl status' says what it answered"},
        {BEARER_E_UNAVAILABLE, EX_TEMPFAIL, "bearerd goes on trying, see 'bearerctl status'"},
        {BEARER_E_TIMEOUT, EX_TEMPFAIL, "'bearerctl status' says why, --wait waits longer"},
        {BEARER_E_FRESH, EX_TEMPFAIL, "if an API still answers 401, look at the permissions there"},
        {BEARER_E_BUSY, EX_TEMPFAIL, "try again in some seconds"},
        {BEARER_E_FORBIDDEN, EX_NOPERM,
         "see allow_users, allow_groups, allow_units in bearerd.conf"},
        {BEARER_E_UNKNOWN, EX_NOINPUT, "'bearerctl status' lists the tokens"},
        {BEARER_E_INVALID, EX_USAGE, "'bearerctl status' lists the tokens"},
        {BEARER_E_PROTOCOL, EX_PROTOCOL, "check --socket, and that the versions go together"},
        {-EINVAL, EX_USAGE, "a path or unix:///path is needed"},
        {-ENAMETOOLONG, EX_USAGE, "107 bytes are the most"},
        {-EACCES, EX_NOPERM, "add the user to group bearer, and log in anew"},
        {-ENOENT, EX_UNAVAILABLE, "start it (systemctl start bearerd.socket), or see --socket"},
        {-ECONNREFUSED, EX_UNAVAILABLE, "start it (systemctl start bearerd), or see --socket"},
        {-ECONNRESET, EX_UNAVAILABLE, "'journalctl -u bearerd' says why"},
        {-ETIMEDOUT, EX_TEMPFAIL, "'journalctl -u bearerd' says why"}, /* of status alone */
};

static const struct advice *advice_on(int r) {
        static const struct advice other = {0, EX_OSERR, "'systemctl status bearerd' may say more"};

        for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
                if (advices[i].result == r)
                        return &advices[i];
        return &other;
}

/* As the user gave it, or where that leads. */
static void print_socket(const struct ctl *ctl) {
        struct sockaddr_un address;

        if (address_resolve(ctl->socket, &address) == 0)
                fprintf(stderr, "bearerd at %s", address.sun_path);
        else
                fputs("the socket of --socket or $" ADDRESS_ENVIRONMENT, stderr);
}

int ctl_fail(const struct ctl *ctl, int r) {
        const struct advice *advice = advice_on(r);

        fputs("bearerctl: ", stderr);
        if (r < 0 || r == BEARER_E_PROTOCOL)
                print_socket(ctl);
        else if (ctl->name)
                fprintf(stderr, "token %s", ctl->name);
        else
                fputs("the default token", stderr);
        fprintf(stderr, ": %s; %s\n", bearer_strerror(r), advice->next);
        return advice->status;
}

void ctl_span(struct buffer *out, uint64_t seconds) {
        static const struct {
                const char *name;
                uint64_t seconds;
        } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
        size_t i = 0;

        while (i < 3 && seconds < units[i].seconds)
                i++;
        buffer_printf(out, "%" PRIu64 " %s", seconds / units[i].seconds, units[i].name);
        seconds %= units[i].seconds;
        if (i < 3 && seconds / units[i + 1].seconds > 0)
                buffer_printf(out, " %" PRIu64 " %s", seconds / units[i + 1].seconds,
                              units[i + 1].name);
}

__attribute__((format(printf, 1, 2))) static int usage(const char *format, ...) {
        va_list arguments;

        fputs("bearerctl: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputs("; see 'bearerctl --help'\n", stderr);
        return EX_USAGE;
}

/* The option that getopt_long() stumbled over is behind it; one without its argument is, too. */
static int bad_option(int code, char **argv) {
        return usage(code == ':' ? "option %s needs a value" : "option %s is not known here",
                     argv[optind - 1]);
}

static int read_seconds(const char *option, uint64_t most, uint64_t *ret_value) {
        if (decimal_parse(slice_of(optarg), most, ret_value) == 0)
                return EX_OK;
        return usage("%s %s: whole seconds from 0 to %" PRIu64 " are needed", option, optarg, most);
}

/* A name that setenv(3) takes, and a shell too. */
static bool is_variable(const char *name) {
        static const char characters[] =
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

        return *name && (*name < '0' || *name > '9') && name[strspn(name, characters)] == 0;
}

static int take_option(struct ctl *ctl, int code, char **argv, bool *ret_help) {
        uint64_t wait;
        int status;

        switch (code) {
        case OPTION_ENV:
                ctl->env = optarg;
                return is_variable(optarg) ? EX_OK : usage("--env %s: not a variable", optarg);
        case OPTION_ALGORITHM:
                ctl->algorithm = optarg;
                return EX_OK;
        case OPTION_ENCRYPT:
                ctl->encrypt = true;
                return EX_OK;
        case OPTION_FETCH:
                ctl->fetch = optarg;
                return EX_OK;
        case OPTION_OUTPUT:
                ctl->output = optarg;
                return *optarg == '/' ? EX_OK : usage("--output %s: an absolute path", optarg);
        case OPTION_HELP:
                *ret_help = true;
                return EX_OK;
        case OPTION_JSON:
                ctl->json = true;
                return EX_OK;
        case OPTION_OPENMETRICS:
                ctl->openmetrics = true;
                return EX_OK;
        case OPTION_MIN_VALID:
                return read_seconds("--min-valid", UINT32_MAX, &ctl->min_valid);
        case OPTION_WAIT:
                status = read_seconds("--wait", API_WAIT_MAX, &wait);
                if (status == EX_OK)
                        ctl->timeout_ms = (int)wait * 1000;
                return status;
        default:
                return bad_option(code, argv);
        }
}

static int take_arguments(struct ctl *ctl, const struct command *command, int argc, char **argv) {
        if (argc > (command->takes_name ? 1 : 0))
                return usage("%s: what is '%s'?%s", command->name, argv[argc - 1],
                             command->takes_command ? " A command goes behind \"--\"" : "");
        if (argc > 0)
                ctl->name = argv[0];
        if (command->run == ctl_keygen && (!ctl->name || !ctl->algorithm))
                return usage("keygen: the token's name and --algorithm are needed");
        if (command->run == ctl_keygen && ctl->name &&
            (strlen(ctl->name) > 32 ||
             ctl->name[strspn(ctl->name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] != 0))
                return usage("keygen: '%s' is no name of a token", ctl->name);
        if (command->takes_command && (!ctl->command || !ctl->command[0]))
                return usage("%s: a command is missing, behind \"--\"", command->name);
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
        bool wants_help = false;
        int status = EX_OK, code;

        if (own < argc) {
                ctl->command = argv + own + 1;
                argv[own] = NULL;
        }
        optind = 0; /* getopt(3): start anew */
        while (status == EX_OK && !wants_help &&
               (code = getopt_long(own, argv, ":", command->options, NULL)) != -1)
                status = take_option(ctl, code, argv, &wants_help);
        if (status == EX_OK && wants_help) {
                buffer_append_text(out, help);
                return EX_OK;
        }
        if (status == EX_OK)
                status = take_arguments(ctl, command, own - optind, argv + optind);
        return status == EX_OK ? command->run(ctl, out) : status;
}

static int dispatch(struct ctl *ctl, int argc, char **argv, struct buffer *out) {
        if (argc == 0)
                return usage("a command is missing");
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                if (strcmp(argv[0], commands[i].name) == 0)
                        return run(ctl, &commands[i], argc, argv, out);
        return usage("there is no command '%s'", argv[0]);
}

/* Options before the command; then the command. */
static int start(struct ctl *ctl, int argc, char **argv, struct buffer *out) {
        int code;

        while ((code = getopt_long(argc, argv, "+:", global_options, NULL)) != -1) {
                switch (code) {
                case OPTION_HELP:
                        buffer_append_text(out, help);
                        return EX_OK;
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
                        return bad_option(code, argv);
                }
        }
        return dispatch(ctl, argc - optind, argv + optind, out);
}

/* A token passes through: no core dump, no ptrace by others of this user. Not by harden_process():
 * exec's command is to find the limits that the user has. This one ends with execve(2). */
int main(int argc, char **argv) {
        _cleanup_(buffer_deinit) struct buffer out = BUFFER_INIT(OUTPUT_MAX);
        struct ctl ctl = {.env = "BEARER_TOKEN", .timeout_ms = -1};
        int status, r;

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        status = start(&ctl, argc, argv, &out);
        if (status != EX_OK)
                return status;
        r = output_finish(&out);
        if (r < 0) {
                fprintf(stderr, "bearerctl: stdout: %s; what was written is not whole\n",
                        bearer_strerror(r));
                return EX_IOERR;
        }
        return EX_OK;
}
