#!/bin/bash
# SPDX-License-Identifier: MIT
# Who follows a token's events, by libbearer in an event loop or by bearerctl watch, is told of each
# generation once over all that systemd does with bearerd, and sleeps in between. No stream holds
# bearerd up.
. "$(dirname "$0")/lib.sh"

conf=/etc/bearerd/bearerd.conf

# --- two units, of two users in the group

# What each was told is in /tmp/UNIT.out, a line for each generation; the follower ends with its input.
start_followers() {
  useradd --groups bearer watcher
  mkfifo /tmp/input
  exec 7<>/tmp/input
  cat >/run/systemd/system/follower.service <<END_OF_UNIT
[Service]
User=worker
StandardInput=file:/tmp/input
StandardOutput=append:/tmp/follower.out
ExecStart=$build/tests/e2e/test-follower athena
END_OF_UNIT
  cat >/run/systemd/system/watcher.service <<END_OF_UNIT
[Service]
User=watcher
StandardOutput=append:/tmp/watcher.out
StandardError=journal
ExecStart=bearerctl watch athena --json
END_OF_UNIT
  systemctl daemon-reload
  systemctl start follower watcher
}
# told UNIT: the generations that it was told of, in their order.
told() { sed -n 's/^told \([0-9]*\) got \1$/\1/p; s/^{"name":"athena","generation":\([0-9]*\),.*/\1/p' "/tmp/$1.out"; }
last() { told "$1" | tail -n 1; }
# What is the token now, as operators see it.
current() { metric 'bearerd_token_generation{token="athena"}'; }
# Both were told of that.
both_know() {
  local now unit
  now=$(current)
  for unit in follower watcher; do
    [ "$(last $unit)" = "$now" ] || return
  done
}
in_order() { [ "$(told "$1")" = "$(told "$1" | sort -nu)" ] && echo yes; }
both_in_order() { echo "$(in_order follower) $(in_order watcher)"; }
n_told() { told "$1" | wc -l; }
# How often UNIT has gone to sleep so far: each is a wake-up.
sleeps() { sed -n 's/^voluntary_ctxt_switches:\t//p' "/proc/$(show "$1" MainPID)/status"; }
# How long UNIT has been at work so far, in ticks of 10 ms: who turns in a circle never sleeps.
work() { awk '{ print $14 + $15 }' "/proc/$(show "$1" MainPID)/stat"; }
# rests UNIT SLEEPS WORK: since it had slept and worked so much, it has done next to nothing.
rests() {
  local slept=$(($(sleeps "$1") - $2)) worked=$(($(work "$1") - $3))
  if [ $slept -le 40 ] && [ $worked -le 20 ]; then echo rests; else echo "woke $slept times, worked ${worked}0 ms"; fi
}
# connection UNIT: which one it has to bearerd.
connection() { readlink "/proc/$(show "$1" MainPID)"/fd/* | grep ^socket: | sort | xargs; }
metric() { bearerctl metrics | sed -n "s/^$1 //p"; }
streams() { metric 'bearerd_event_streams{token="athena"}'; }
have_streams() { [ "$(streams)" = "$1" ]; }
milliseconds() { local t=$EPOCHREALTIME && echo $((${t/[.,]/} / 1000)); }
# What is not as it should be, of bearerd, its fetches, both units, and of systemd about them.
complaints() {
  journalctl --sync
  journalctl --no-pager -q -o cat -p warning --since="@$from" -u bearerd -u 'bearerd-fetch@*' -u follower -u watcher
}
mark() { journalctl --sync && from=$(date +%s.%N); }

set_up
mark
start_followers
ok "both are told of the token that there is" yes "$(until_ok 20 both_know && echo yes)"
ok "... on two streams" 2 "$(streams)"

# --- renewals

standin behave -d '{"expires_in": 6}' >/dev/null
reload
have_come() { [ "$(requests)" -ge 4 ] && both_know; }
ok "renewals as they come are told" yes "$(until_ok 40 have_come && echo yes)"
standin normal -X POST >/dev/null
long_life() { [ "$(metric 'bearerd_token_valid_seconds{token="athena"}')" -gt 3000 ]; }
reload
until_ok 20 long_life
until_ok 20 both_know
ok "... each of them, once, in order" "$(requests) yes" "$(n_told follower) $(in_order follower)"
ok "... to both" "$(told follower)" "$(told watcher)"

# --- reloads

before="$(connection follower) $(connection watcher)"
cp $conf /tmp/open.conf
echo 'allow_units = follower.service, watcher.service' >>$conf
reload
ok "a reload that leaves both their permission renews the token, which is told" yes "$(until_ok 20 both_know && echo yes)"
ok "... on the connections that there were" yes "$([ "$before" = "$(connection follower) $(connection watcher)" ] && echo yes)"

mark
asleep="$(sleeps follower) $(sleeps watcher)" woken=$(sleeps bearerd)
sleep 4
ok "nobody wakes up while there is nothing to tell" "$asleep" "$(sleeps follower) $(sleeps watcher)"
ok "... but bearerd for its watchdog" "[0-2]" "$(($(sleeps bearerd) - woken))"
journalctl --sync
ok "... and nobody says anything" "" \
  "$(journalctl --no-pager -q -o cat --since="@$from" -u bearerd -u 'bearerd-fetch@*' -u follower -u watcher)"

sed -i 's/^allow_units.*/allow_units = watcher.service/' $conf
reload
refused() { [ "$(tail -n 1 /tmp/follower.out)" = "result 6" ]; }
ok "who loses the permission is told that" yes "$(until_ok 10 refused && echo yes)"
watcher_knows() { [ "$(last watcher)" = "$(current)" ]; }
ok "... and the other one of the next generation" yes "$(until_ok 20 watcher_knows && echo yes)"
refusals() { metric 'bearerd_replies_total{token="athena",reply="forbidden"}'; }
so_far=$(n_told follower) asked=$(refusals) slept=$(sleeps follower) worked=$(work follower)
sleep 6
ok "... asks again now and then" "[1-4]" "$(($(refusals) - asked))"
ok "... and rests in between" rests "$(rests follower "$slept" "$worked")"
ok "... told of nothing" "$so_far" "$(n_told follower)"

cp /tmp/open.conf $conf
reload
ok "given back, it is told of the token again" yes "$(until_ok 20 both_know && echo yes)"

# --- restarts, with what systemd keeps meanwhile: nothing is told twice, and nothing asked for
mark
so_far="$(n_told follower) $(n_told watcher)" asked=$(requests)
for _ in 1 2 3; do systemctl restart bearerd; done
until_ok 20 have_streams 2
pid=$(show bearerd MainPID)
systemctl kill --signal=KILL bearerd
until_ok 20 is_another "$pid"
ok "three restarts and a SIGKILL: both are back" yes "$(until_ok 30 have_streams 2 && echo yes)"
ok "... told of nothing" "$so_far" "$(n_told follower) $(n_told watcher)"
ok "... and the endpoint was not asked" "$asked" "$(requests)"
bearerctl refresh athena >/dev/null
ok "... then of the next generation" yes "$(until_ok 20 both_know && echo yes)"

# A token of 4 s whose renewals take a while, so that many of them are in the midst of an end.
standin behave -d '{"expires_in": 4, "delay": 0.2}' >/dev/null
reload
end_in_turn 0.7
standin normal -X POST >/dev/null
reload
until_ok 20 long_life
ok "renewals in the midst of restarts: both know the last one" yes "$(until_ok 30 both_know && echo yes)"
ok "... each was told once, and in order" "yes yes" "$(both_in_order)"
ok "... follower and watcher are the ones that they were" "0 0" "$(show follower NRestarts) $(show watcher NRestarts)"

# --- stopped
before=("$(sleeps follower)" "$(work follower)" "$(sleeps watcher)" "$(work watcher)")
sockets=(bearerd.socket bearerd-credential.socket bearerd-control.socket bearerd-fetch.socket)
mark
systemctl stop "${sockets[@]}" bearerd.service
is_told() { [[ $(tail -n 1 /tmp/follower.out) == "result "* ]]; }
ok "bearerd is stopped: the follower is told, after two seconds" yes "$(until_ok 10 is_told && echo yes)"
sleep 4
ok "... what is in the way" "result -111" "$(tail -n 1 /tmp/follower.out)"
ok "... so is who reads the watcher's journal, once" 1 "$(journalctl --sync; journalctl --no-pager -q -o cat --since="@$from" -u watcher | grep -c 'Connection refused')"
ok "... and both rest" "rests rests" "$(rests follower "${before[@]:0:2}") $(rests watcher "${before[@]:2}")"
systemctl start bearerd
ok "started, both are told of the new token" yes "$(until_ok 30 both_know && echo yes)"

# --- a hundred streams, some of which nobody reads
cat >/tmp/hundred.py <<'END_OF_CLIENT'
import socket, sys
streams = [socket.socket(socket.AF_UNIX) for _ in range(100)]
for stream in streams:
    stream.connect("/run/bearerd/token.sock")
    stream.sendall(b"GET /v1/tokens/athena/events HTTP/1.1\r\nHost: x\r\n\r\n")
for stream in streams[50:]:
    assert stream.recv(4096).startswith(b"HTTP/1.1 200")
print("ready", flush=True)
for stream in streams[50:]:
    while stream.recv(4096):
        pass
for stream in streams[:50]:
    while stream.recv(4096):
        pass
print("hung up", flush=True)
END_OF_CLIENT
# hundred: they are there; hung_up: they were ended by bearerd, and not by a reset.
hundred() {
  as_worker /usr/bin/python3 /tmp/hundred.py >/tmp/hundred.out 2>&1 &
  client=$!
  until_ok 20 grep -q ready /tmp/hundred.out && until_ok 20 have_streams 102
}
hung_up() { wait $client && grep -c 'hung up' /tmp/hundred.out; }
hundred
ok "a hundred streams more" 102 "$(streams)"
mark
start=$(milliseconds)
systemctl restart bearerd
took=$(($(milliseconds) - start))
note "a restart with 102 streams took $took ms"
ok "a restart is not held up" yes "$([ $took -lt 3000 ] && echo yes)"
ok "... all are hung up on" 1 "$(hung_up)"
ok "... and those come back that want to" yes "$(until_ok 30 have_streams 2 && echo yes)"
hundred
ok "a hundred streams more" 102 "$(streams)"
start=$(milliseconds)
systemctl stop "${sockets[@]}" bearerd.service
took=$(($(milliseconds) - start))
note "a stop with 102 streams took $took ms"
ok "nor is a stop" yes "$([ $took -lt 3000 ] && echo yes)"
ok "... of which nobody complains" "success " "$(show bearerd Result) $(complaints)"
ok "... all are hung up on" 1 "$(hung_up)"
systemctl start bearerd
ok "started, both are back" yes "$(until_ok 30 both_know && echo yes)"

# --- the end
exec 7>&-
ended() { grep -q ^woken /tmp/follower.out; }
until_ok 10 ended
read -r _ woken _ idle <<<"$(tail -n 1 /tmp/follower.out)"
note "the follower was woken $woken times, $idle of them for nothing"
ok "all in all the follower was woken for a reason" yes "$([ "$woken" -le 150 ] && echo yes)"
systemctl stop watcher
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
