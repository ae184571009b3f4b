#!/bin/sh
# SPDX-License-Identifier: MIT
# worker - how a worker uses bearerd by curl alone: it prints the open appointments of a department.
#
#     docs/examples/worker.sh DEPARTMENT
set -eu

api=${API_URL:-https://api.platform.athenahealth.com}
socket=${BEARERD_SOCKET:-/run/bearerd/token.sock}
socket=${socket#unix://}
department=$1

# ask QUERY: bearerd's answer. With status 22 it has no token, and says why.
ask() {
  curl -s --fail-with-body --max-time 21 --unix-socket "$socket" "http://localhost/v1/token?wait=20$1"
}
# token QUERY: once more if bearerd hung up (52), which it does when it restarts, or too many wait to be
# accepted (7).
token() {
  ask "$1" || case $? in
    7 | 52) sleep 1 && ask "$1" ;;
    *) false ;;
  esac
}
# member NAME: of the answer on standard input.
member() {
  sed -n "s/.*[{,]\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}
# call ANSWER: the body, and the status on a line of its own. printf is the shell's own: the token is in
# no command line.
call() {
  printf 'Authorization: Bearer %s\n' "$(printf '%s' "$1" | member access_token)" |
    curl -sS --max-time 30 -H @- -w '\n%{http_code}\n' \
      "$api/v1/$(printf '%s' "$1" | member practice_id)/appointments/open?departmentid=$department&reasonid=-1"
}

answer=$(token '') || { echo "worker: no token at $socket: $answer" >&2; exit 1; }
result=$(call "$answer")
if [ "${result##*
}" = 401 ]; then
  # Once. Without a newer token, as by a 429 with "slow_down", the 401 stands: look at permissions.
  generation=$(printf '%s' "$answer" | member generation)
  newer=$(token "&after=$generation") && result=$(call "$newer") || echo "worker: $newer" >&2
fi
status=${result##*
}
echo "the API answered $status: ${result%
*}"
[ "$status" = 200 ]
