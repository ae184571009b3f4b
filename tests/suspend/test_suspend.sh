#!/bin/bash
# SPDX-License-Identifier: MIT
# The machine is suspended while workers ask, for less time than the token lives and for more, and in
# the midst of a token request. No worker gets a token that has expired, and nobody notices but by the
# time that a renewal takes. Run in the machine of ./run.
. "$(dirname "$0")/../systemd/lib.sh"

# --- what is looked at
epoch() { od --address-radix=n --format=u8 --skip-bytes=64 --read-bytes=8 /run/bearerd/pub/epoch | xargs; }
has_moved() { [ "$(epoch)" -gt "$1" ]; }
# How long the machine has been asleep since it was started, s.
slept() {
  /usr/bin/python3 -c 'from time import *
print(int(clock_gettime(CLOCK_BOOTTIME) - clock_gettime(CLOCK_MONOTONIC)))'
}
# until_another GENERATION: there is a newer one, which may take as long as this machine is slow.
until_another() { until_ok 60 is_newer_than "$1"; }
has_requests() { [ "$(requests)" = "$1" ]; }
expires_at() { ask /v1/token | sed -n 's/.*"expires_at":\([0-9]*\).*/\1/p'; }
# said_at TEXT: when the journal had it last, ms by CLOCK_MONOTONIC, which stands still in suspend.
said_at() {
  journalctl --sync
  journalctl --quiet --no-pager -o short-monotonic |
    sed -n "s/^\[ *\([0-9]*\)\.\([0-9]\{3\}\).*$1.*/\1\2/p" | tail -n 1
}

# --- what is done
# suspend SECONDS
suspend() {
  local before after
  before=$(slept)
  rtcwake --mode mem --seconds "$1" >/dev/null
  after=$(slept)
  note "asleep for $((after - before)) s"
  ok "... the machine was asleep" yes "$([ $((after - before)) -gt $(($1 / 2)) ] && echo yes)"
}
# Four that do nothing but ask, more than there are processors, where others leave them time, and one
# that follows.
start_workers() {
  run_as_worker "$build/tests/e2e/test-follower" <&"$open" >/tmp/follower.out &
  follower=$!
  run_as_worker nice -n 19 "$build/tests/systemd/test-workers" 4 0 60000 >/tmp/workers.out &
  workers=$!
  until_ok 60 has_told 1
}
# In place of the shell, so that signals reach it.
run_as_worker() { exec setpriv --reuid worker --regid worker --init-groups -- "$@"; }
has_told() { [ "$(told)" = "$1" ]; }
told() { grep -c '^told' /tmp/follower.out; }
# end_workers PATTERN TOLD: what they say, and how much the follower was told meanwhile.
end_workers() {
  until_ok 20 has_told $((1 + $2))
  kill -TERM "$workers" "$follower"
  wait "$workers" "$follower"
  ok "... no worker gets one that has expired, or none" \
    "workers=4 answers=* failures=0 backwards=0 $1 expired=0 *" "$(cat /tmp/workers.out)"
  note "$(cat /tmp/workers.out)"
  ok "... who follows is told of $2" "$2" $(($(told) - 1))
}

mkfifo /tmp/open && exec {open}<>/tmp/open # never ends
prepare_bearerd
start_endpoint
standin behave -d '{"what": "normal", "expires_in": 600}'
configure_athena
# Which the request counts awake; bearerd gives it up 5 s later, awake or not.
echo "timeout = 40s" >>/etc/bearerd/bearerd.conf
enable_bearerd
until_another 0
ok "a token" 0 $?

# --- for less time than it lives
kept=$(epoch) first=$(generation) expires=$(expires_at)
start_workers
suspend 15
until_ok 20 has_moved "$kept"
ok "the token is good for longer: it stays" "$first" "$(generation)"
ok "... expires when it did" "$expires" "$(expires_at)"
ok "... is called in from who keeps it" yes "$(has_moved "$kept" && echo yes)"
ok "... and not asked for again" 1 "$(requests)"
end_workers generations=1 0

# --- for more time than it lives
standin behave -d '{"what": "normal", "expires_in": 60}'
bearerctl refresh >/dev/null
until_another "$first"
first=$(generation) asked=$(requests)
start_workers
systemctl restart bearerd # what was started first is woken up first: the workers
suspend 65
until_another "$first"
ok "the token has expired: it is renewed" 0 $?
ok "... by one request" $((asked + 1)) "$(requests)"
after=$(($(said_at "there is no valid token any more") - $(said_at "PM: suspend exit")))
ok "... at once" yes "$([ $after -ge 0 ] && [ $after -lt 3000 ] && echo yes)"
note "asked for $after ms after the kernel was back"
end_workers generations=2 1

pid=$(show bearerd MainPID)

# --- the same, and the endpoint is not up yet
first=$(generation) asked=$(requests)
start_workers
standin next -d '{"what": "500"}'
suspend 65
until_another "$first"
ok "the endpoint fails at first: it is asked again" 0 $?
ok "... once" $((asked + 2)) "$(requests)"
end_workers generations=2 1

# --- in a token request, which goes on
standin behave -d '{"what": "normal", "expires_in": 600, "delay": 10}'
first=$(generation) asked=$(requests)
bearerctl refresh >/dev/null &
until_ok 20 has_requests $((asked + 1))
sent=$(date +%s)
suspend 15
ok "a request is slept over" "$first" "$(generation)"
until_another "$first"
ok "... and answered" 0 $?
ok "... and not sent again" $((asked + 1)) "$(requests)"
ok "... its token's life counts from when it was sent" yes \
  "$([ "$(expires_at)" -le $((sent + 600)) ] && echo yes)"

# --- in a token request, for longer than one may take
first=$(generation) asked=$(requests)
bearerctl refresh >/dev/null &
until_ok 20 has_requests $((asked + 1))
start_workers
suspend 50
until_another "$first"
ok "a request that was slept over for too long: a token all the same" 0 $?
ok "... for it was given up, and sent again" $((asked + 2)) "$(requests)"
end_workers generations=2 1

ok "the watchdog has ended nobody" "$pid 0" "$(show bearerd MainPID) $(show bearerd NRestarts)"
note "$(journal short-monotonic)"
finish
