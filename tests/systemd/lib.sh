# SPDX-License-Identifier: MIT
# lib - what the tests in a booted systemd have in common. Sourced by each test_*.sh, which runs as
# root in a throw-away system (see ./run) with the arguments SOURCE BUILD, and prints TAP.
# shellcheck shell=bash disable=SC2034 # used by those who source it
set -u
source=$1 build=$2
run=/run/bearerd
socket=$run/token.sock
client_id=0oa-standin-client
client_secret='standin-secret/with+some=special&characters'
# shellcheck source=../tools/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/tap.sh"

# --- waiting and asking

# until_ok SECONDS COMMAND...: until it succeeds.
until_ok() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}
# In Python: comes and goes at the token socket, for ever, or, with an argument, until no more can wait.
visits='
import socket, sys
while True:
    with socket.socket(socket.AF_UNIX) as visit:
        visit.setblocking(False)
        try:
            visit.connect("/run/bearerd/token.sock")
        except BlockingIOError:
            if sys.argv[1:]:
                break
'
show() { systemctl show --value --property="$2" "$1"; }
# shellcheck disable=SC2053 # a pattern it is
status_says() { [[ $(show bearerd StatusText) == $1 ]]; }
# is_another PID: bearerd serves, and is not the process PID.
is_another() {
  local pid
  pid=$(show bearerd MainPID)
  [ "$pid" -gt 0 ] && [ "$pid" != "$1" ] && systemctl --quiet is-active bearerd
}
# between_lives COMMAND...: kills bearerd, and runs COMMAND before systemd starts it again. What it
# changes of the store, no bearerd that still runs can write anew.
between_lives() {
  local pid
  pid=$(show bearerd MainPID)
  kill -STOP "$pid"
  "$@"
  kill -KILL "$pid"
  until_ok 20 is_another "$pid"
}
memory() { /usr/bin/python3 "$source/tests/systemd/memory.py" "$@"; }
as_worker() { setpriv --reuid worker --regid worker --init-groups -- "$@"; }
as_stranger() { setpriv --reuid stranger --regid stranger --clear-groups -- "$@"; }
ask() { as_worker curl -sS --max-time 10 --unix-socket $socket "http://localhost$1" 2>&1; }
# generation [NAME]: of the token NAME, or of the default one.
generation() { ask "/v1/token${1+s/$1}" | sed -n 's/.*"generation":\([0-9]*\).*/\1/p'; }
# is_newer_than GENERATION [NAME]: so is the token that there is.
is_newer_than() { [ "$(generation "${@:2}")" -gt "$1" ]; }
# journal FORMAT [ARGUMENT...]: of bearerd and of its fetches.
journal() {
  journalctl --sync
  journalctl --no-pager -o "$1" -u bearerd -u 'bearerd-fetch@*' "${@:2}"
}

# probe UNIT COMMAND: what COMMAND says where UNIT's program would run, in the same sandbox: a unit of
# the same settings, those aside that are about its program.
probe() {
  local output=StandardOutput=truncate:/tmp/probe.out
  systemctl cat "$1" | sed -E '
    /^(Type|Restart|WatchdogSec|RuntimeMaxSec|Standard.*|Requires|After|ExecReload)=/d
    s,^ExecStart=.*,ExecStart=/bin/sh /tmp/probe.sh,
    s,^PrivateTmp=.*,&\nBindReadOnlyPaths=/tmp/probe.sh,
    s,^User=.*,&\nType=oneshot\n'"$output"'\nStandardError=inherit,' >/run/systemd/system/probe.service
  printf '%s\n' "$2" >/tmp/probe.sh
  systemctl daemon-reload
  systemctl start probe.service 2>/dev/null
  cat /tmp/probe.out
}

# reload: until it is done, for `systemctl reload` returns when bearerd is told to. Fails at once if
# systemctl does.
reload() {
  local before
  before=$(reloads)
  systemctl reload bearerd 2>/dev/null || return
  until_ok 20 has_reloaded "$before"
}
reloads() { journal cat MESSAGE_ID=41de629f980c43a598379453b798b9c9 | grep -c .; }
has_reloaded() { [ "$(reloads)" -gt "$1" ]; }
# renewed: a reload brings another token.
renewed() {
  local before
  before=$(generation)
  reload
  until_ok 15 is_newer_than "$before"
}
# end_in_turn PAUSE: bearerd is restarted or killed, eight times, PAUSE after it is back each time.
end_in_turn() {
  local i pid
  for i in 1 2 3 4 5 6 7 8; do
    pid=$(show bearerd MainPID)
    if [ $((i % 2)) = 0 ]; then systemctl restart bearerd; else systemctl kill --signal=KILL bearerd; fi
    until_ok 20 is_another "$pid"
    sleep "$1"
  done
}

# --- what there is to be set up

# of_its_own DIRECTORY: empty, but for what we are made of, and not to be written from outside.
of_its_own() {
  local kept
  for kept in "$source" "$build"; do
    [[ $kept == "$1"/* ]] || continue
    mkdir -p "/mnt$kept"
    mount --bind "$kept" "/mnt$kept"
  done
  mount -t tmpfs -o mode=1777 tmpfs "$1"
  for kept in "$source" "$build"; do
    [[ $kept == "$1"/* ]] || continue
    mkdir -p "$kept"
    mount --bind "/mnt$kept" "$kept"
    umount "/mnt$kept"
  done
}
install_bearerd() {
  [ "${BEARERD_IS_INSTALLED-}" ] || meson install -C "$build" --no-rebuild >/dev/null
  prepare_bearerd
}
# What else an installation takes, and who is to ask.
prepare_bearerd() {
  ldconfig
  systemd-sysusers 2>/dev/null
  journalctl --update-catalog
  useradd --groups bearer worker
  useradd stranger
  systemctl daemon-reload
  cd / || exit 1
}
# A token endpoint of its own, at $url.
start_endpoint() {
  /usr/bin/python3 "$source/tests/standin/standin.py" --directory /tmp/standin >/tmp/standin.out 2>&1 &
  until_ok 120 grep -q ^ready /tmp/standin.out
  url=$(sed -n 's/^ready //p' /tmp/standin.out)
  install -m 0644 /tmp/standin/ca.pem /etc/bearerd/ca.pem
}
# standin COMMAND [OPTION...]: the options are curl's.
standin() {
  curl -sS --fail-with-body --unix-socket /tmp/standin/control.sock "http://standin/$1" "${@:2}"
}
# How many token requests have reached it.
requests() { standin 'count?on=token'; }

# put_credential NAME VALUE: into the credential store.
put_credential() {
  install -d -m 0700 /etc/credstore
  (umask 077 && printf %s "$2" >"/etc/credstore/$1")
}
# section NAME: a token of the endpoint, with what makes a test quick.
section() {
  cat <<END_OF_SECTION
[token $1]
token_url     = $url
scope         = athena/service/Athenanet.MDP.*
tls_ca_file   = /etc/bearerd/ca.pem
practice_id   = 195900
client_id     = credential:$1.client_id
client_secret = credential:$1.client_secret
basic_encoding = raw
requests_per_minute = 600
min_renewal_interval = 100ms
END_OF_SECTION
}
configure_athena() {
  put_credential athena.client_id $client_id
  put_credential athena.client_secret "$client_secret"
  section athena >/etc/bearerd/bearerd.conf
}
# watched_for TIME: its watchdog's, from the next start on.
watched_for() {
  mkdir -p /etc/systemd/system/bearerd.service.d
  printf '[Service]\nWatchdogSec=%s\n' "$1" >/etc/systemd/system/bearerd.service.d/watchdog.conf
  systemctl daemon-reload
}
enable_bearerd() {
  systemctl enable --now bearerd 2>/dev/null
}
# All of the above: bearerd at work, with the token athena.
set_up() {
  install_bearerd
  start_endpoint
  configure_athena
  enable_bearerd
}
