/* SPDX-License-Identifier: MIT */
#include "client/bearerctl_usage.h"

#define NAME_MEANS "NAME is a token's name in bearerd.conf; without it, the default one.\n"
#define WAIT_MEANS                                                                                 \
        "  --wait S        wait at most S seconds for a token, 0 to 60; 20 unless given\n"

const char usage_overview[] =
        "Usage: bearerctl [--socket PATH] [--control PATH] COMMAND\n"
        "\n"
        "The OAuth 2.0 bearer token of this host, from bearerd.\n"
        "\n"
        "Commands for workers:\n"
        "  get [NAME]         write the token to stdout\n"
        "  header [NAME]      write the header for it: curl -H @<(bearerctl header) ...\n"
        "  renew [NAME]       have it renewed, because an API answered 401\n"
        "  wait [NAME]        until there is one: for scripts and ExecStartPre=\n"
        "  exec [NAME] -- COMMAND [ARGUMENTS]\n"
        "                     run a command with the token in its environment, or in a descriptor\n"
        "  watch [NAME]       write a line for each new token, without its value\n"
        "  write FILE [NAME]  keep the token in a file, for programs that can only read files\n"
        "\n"
        "Commands for operators:\n"
        "  status             each token: how long it lives, when it is renewed, what went wrong\n"
        "  doctor [NAME]      walk the whole path of a token, and name the first thing that is wrong\n"
        "  refresh [NAME]     have it renewed at once; workers are served meanwhile\n"
        "  metrics            what bearerd counts, as Prometheus reads it\n"
        "  keygen NAME        make a key pair for a client that signs, and write the JWKS to register\n"
        "\n"
        "Commands for everyone:\n"
        "  help [COMMAND]     this text, or what there is to say about a command\n"
        "\n" NAME_MEANS
        "refresh and metrics are for who may use the control socket: root. So are the whole status\n"
        "and all that doctor can look at; others see what they may have.\n"
        "\n"
        "Options:\n"
        "  --socket PATH   bearerd's socket, a path or unix:///path; else $BEARERD_SOCKET;\n"
        "                  else " TOKEN_SOCKET "\n"
        "  --control PATH  bearerd's socket for operators; else $BEARERD_CONTROL;\n"
        "                  else " CONTROL_SOCKET "\n"
        "  --help, -h      this text; behind a command, what there is to say about it\n"
        "  --version       the version\n"
        "\n"
        "Exit status:\n"
        "   0  done\n"
        "   1  doctor: something is wrong, and named\n"
        "  64  wrong usage; no default token\n"
        "  66  no such token\n"
        "  67  doctor: no such user\n"
        "  69  bearerd is not reachable\n"
        "  71  no memory, no descriptors, and what else this host lacks\n"
        "  73  write: FILE could not be written, or is no regular file; keygen: the private key could not\n"
        "  74  stdout could not be written\n"
        "  75  no token now, or no newer one: try again later\n"
        "  76  what answered is not bearerd\n"
        "  77  no permission, for the socket or for the token\n"
        "  78  the token endpoint refuses the credentials or the scope; bearerd's configuration\n"
        "      is wrong\n"
        "exec: the command's own, 128 and the signal's number if one ended it; 126 if it cannot be\n"
        "run, 127 if there is none\n";

const char usage_get[] =
        "Usage: bearerctl get [NAME] [OPTIONS]\n"
        "\n"
        "Writes the token to stdout, and a newline.\n" NAME_MEANS "\n"
        "  --json          with all that belongs to it\n"
        "  --min-valid S   one with S seconds left, if such a one is to be had\n" WAIT_MEANS;

const char usage_header[] =
        "Usage: bearerctl header [NAME] [--wait S]\n"
        "\n"
        "Writes \"Authorization: Bearer ...\", for curl -H @<(bearerctl header) ...\n" NAME_MEANS
        "\n" WAIT_MEANS;

const char usage_help[] =
        "Usage: bearerctl help [COMMAND]\n"
        "\n"
        "Says what there is to say about a command, as 'bearerctl COMMAND --help' does; without one,\n"
        "which commands, options and exit statuses there are.\n";

const char usage_renew[] =
        "Usage: bearerctl renew [NAME] [--wait S]\n"
        "\n"
        "Has the token renewed, because an API answered 401. Call it once for a 401, not in a loop.\n"
        "It ends with 75 if it was renewed just now: then the 401 hardly comes from the token.\n" NAME_MEANS
        "\n" WAIT_MEANS;

const char usage_wait[] =
        "Usage: bearerctl wait [NAME] [--timeout S]\n"
        "\n"
        "Until there is a token, and bearerd is there to hand it out. Why there is none yet is said\n"
        "on stderr, once for each reason; what waiting cannot mend ends it.\n" NAME_MEANS "\n"
        "  --timeout S     give up after S seconds, with the exit status of the last reason; as\n"
        "                  long as it takes unless given\n"
        "\n"
        "In a unit:\n"
        "  ExecStartPre=bearerctl wait athena --timeout 60\n";

const char usage_watch[] =
        "Usage: bearerctl watch [NAME] [OPTIONS]\n"
        "\n"
        "Writes a line for each new token, without its value, until interrupted: also over restarts\n"
        "of bearerd.\n" NAME_MEANS "\n"
        "  --exec COMMAND  run it by sh(1) instead, with $BEARERD_NAME, $BEARERD_GENERATION and\n"
        "                  $BEARERD_EXPIRES_AT. While it runs, SIGTERM, SIGINT, SIGHUP and SIGQUIT are\n"
        "                  passed on to it; watch ends when it has ended, then\n"
        "  --json          a line is a JSON object\n";

const char usage_exec[] =
        "Usage: bearerctl exec [NAME] [OPTIONS] -- COMMAND [ARGUMENTS]\n"
        "\n"
        "Runs a command with the token in its environment, as BEARER_TOKEN. It is never in argv.\n" NAME_MEANS
        "\n"
        "  --env VARIABLE  under this name\n"
        "  --fd N          in a sealed file, as descriptor N (3 to 1023), read from its beginning or\n"
        "                  as /dev/fd/N, without a newline. The environment has its number then, as\n"
        "                  BEARER_TOKEN_FD or VARIABLE, and not the token\n"
        "  --restart-on-renewal\n"
        "                  for programs that read the token once: with each new one the command is\n"
        "                  ended (SIGTERM, after 10 s SIGKILL) and started again. It is over when\n"
        "                  the command ends by itself, or a signal is passed on to it: SIGTERM,\n"
        "                  SIGINT, SIGHUP, SIGQUIT\n" WAIT_MEANS "\n"
        "The exit status is the command's own, 128 and the signal's number if one ended it; 126 if\n"
        "it cannot be run, 127 if there is none.\n";

const char usage_write[] =
        "Usage: bearerctl write FILE [NAME] [OPTIONS]\n"
        "\n"
        "Keeps the token in FILE, for programs that can only read files, until SIGTERM. FILE is\n"
        "replaced as a whole, so that nobody reads half of one; a regular file that is there is\n"
        "replaced, too, and nothing else: no device, no symbolic link. It has the bare token, without\n"
        "a newline.\n" NAME_MEANS "\n"
        "FILE is there as long as its token is good and somebody keeps it fresh: it is removed if\n"
        "the token expires and there is no other, and at the end; at first, too, if there is none,\n"
        "for what is there then may have expired.\n"
        "\n"
        "  --mode MODE     its permissions, octal; 0600 unless given\n"
        "  --once          write it once, and leave it there\n"
        "  --wait S        with --once: wait at most S seconds for a token, 0 to 60; 20 unless given.\n"
        "                  Without --once it waits as 'bearerctl wait' does\n"
        "\n"
        "In a unit, so that what is started after it finds the file:\n"
        "  ExecStartPre=bearerctl write --once %t/worker/token athena\n"
        "  ExecStart=bearerctl write %t/worker/token athena\n";

const char usage_status[] =
        "Usage: bearerctl status [--once] [--json]\n"
        "\n"
        "How the tokens are. On a terminal it is a view that stays, renewed each second: each token\n"
        "with a bar of its life (| is where its renewal is due), the next renewal, requests that\n"
        "wait, requests per second, the budget, and the last trouble. q or Ctrl-C ends it. Where not\n"
        "everything has room, tokens come before trouble, and what is cut ends in an ellipsis. While\n"
        "bearerd is away it says so, and how old its figures are. Elsewhere, with TERM=dumb or on a\n"
        "terminal of less than 40 columns or 6 lines it is a table, once.\n"
        "\n"
        "  --once          the table, on a terminal, too\n"
        "  --json          as bearerd says it, once\n"
        "\n"
        "Who may not use the control socket sees the tokens that he may have, without the budget and\n"
        "the requests per second.\n";

const char usage_doctor[] =
        "Usage: bearerctl doctor [NAME] [OPTIONS]\n"
        "\n"
        "Walks the whole path of a token and names the first thing that is wrong, with how to mend\n"
        "it: configuration, paths, group, socket, peer, bearerd-fetch, the client's credentials, DNS,\n"
        "TCP, TLS, clock, whether they are accepted, scope, lifetime, budget. A line for each: \"ok\",\n"
        "\"WRONG\", \"skipped\" with the reason, or \"warning\", as of a certificate that expires soon,\n"
        "or of a configuration that was edited since bearerd read it.\n" NAME_MEANS "\n"
        "  --as USER       for the user that workers run as; else for who calls\n"
        "  --config FILE   bearerd's configuration, if it is not the installed one\n"
        "  --fetch PROGRAM bearerd-fetch, or unix:PATH where systemd starts it; else as bearerd has it\n"
        "  --no-request    make no token request\n"
        "  --json          all of it as JSON, at the end\n"
        "\n"
        "It makes at most one token request, by having bearerd renew the token, and says whether it\n"
        "did: what comes of it is served to workers, and counts in the budget. bearerd-fetch reads the\n"
        "credentials, and looks at the endpoint by a HEAD request without them. Tokens and secrets\n"
        "are not shown.\n"
        "Everything takes root; others are told what is skipped.\n";

const char usage_refresh[] =
        "Usage: bearerctl refresh [NAME] [--wait S]\n"
        "\n"
        "Has a token renewed at once, as an operator, whatever pause it is in; workers are served\n"
        "meanwhile. Says when, if the budget, the last renewal or Retry-After forbids it now.\n" NAME_MEANS
        "\n"
        "  --wait S        until it has ended, at most S seconds, 0 to 60: then it says the new\n"
        "                  generation, or what went wrong, with 75 or 78\n";

const char usage_metrics[] = "Usage: bearerctl metrics [--openmetrics]\n"
                             "\n"
                             "What bearerd counts, as Prometheus reads it.\n"
                             "\n"
                             "  --openmetrics   as OpenMetrics 1.0\n";

const char usage_keygen[] =
        "Usage: bearerctl keygen NAME --algorithm A [OPTIONS]\n"
        "\n"
        "Makes a key pair for the client of the token NAME, which signs (client_auth =\n"
        "private_key_jwt): the private key becomes a credential, the public one is written as a JWKS\n"
        "(RFC 7517) to stdout, to be registered with the provider.\n"
        "\n"
        "  --algorithm A   RS256, RS384, PS256, ES256 or ES384, as the client is registered\n"
        "  --encrypt       for this host, by systemd-creds: /etc/credstore.encrypted\n"
        "  --output PATH   instead of /etc/credstore/NAME.private_key\n"
        "  --fetch PROGRAM instead of the bearerd-fetch that is installed\n";
