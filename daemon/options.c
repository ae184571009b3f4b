/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/log.h"
#include "options.h"

static const char usage[] =
        "bearerd [OPTIONS]\n"
        "\n"
        "Holds OAuth 2.0 tokens and hands them to local processes over a Unix socket.\n"
        "\n"
        "  --config FILE    read FILE (default: " CONFIGURATION_FILE ";\n"
        "                   without one, BEARERD_CLIENT_ID and others from the environment)\n"
        "  --socket PATH    listen at PATH, whatever the configuration says\n"
        "  --control PATH   let operators ask at PATH\n"
        "  --epoch PATH     publish at PATH until when workers may keep a token\n"
        "  --fetch PROGRAM  make token requests with PROGRAM (default: " FETCH_PROGRAM ")\n"
        "  --fetch unix:PATH\n"
        "                   ... with what listens at PATH\n"
        "  --check-config   check the configuration, say every mistake, and exit\n"
        "  --help, --version\n"
        "\n"
        "Exit status: 0 done; 64 wrong command line; 71 the system failed; 73 no socket; 78 wrong\n"
        "configuration.\n";

int options_parse(int argc, char **argv, struct options *ret_options) {
        static const struct option known[] = {
                {"config", required_argument, NULL, 'c'},
                {"socket", required_argument, NULL, 's'},
                {"control", required_argument, NULL, 'o'},
                {"epoch", required_argument, NULL, 'e'},
                {"fetch", required_argument, NULL, 'f'},
                {"check-config", no_argument, NULL, 'n'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {0},
        };
        struct options options = {.fetch = FETCH_PROGRAM};
        int option, at;

        opterr = 0; /* what is wrong is ours to say */
        while ((at = optind, option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
                switch (option) {
                case 'c':
                        options.config = optarg;
                        break;
                case 's':
                        options.socket = optarg;
                        break;
                case 'o':
                        options.control = optarg;
                        break;
                case 'e':
                        options.epoch = optarg;
                        break;
                case 'f':
                        options.fetch = optarg;
                        break;
                case 'n':
                        options.check_config = true;
                        break;
                case 'h':
                        fputs(usage, stdout);
                        return 1;
                case 'v':
                        puts("bearerd " VERSION);
                        return 1;
                default:
                        log_line(MESSAGE_WRONG_USAGE,
                                 "%s: no such option, or its value is missing or too much; see "
                                 "bearerd --help",
                                 argv[at]);
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                log_line(MESSAGE_WRONG_USAGE, "unexpected argument '%s'; see bearerd --help",
                         argv[optind]);
                return -EINVAL;
        }
        *ret_options = options;
        return 0;
}
