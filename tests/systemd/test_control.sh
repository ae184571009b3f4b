#!/bin/bash
# SPDX-License-Identifier: MIT
# The control socket, as systemd makes it: for root alone, and there over restarts. Who else is to read
# metrics does by what the operators' guide says.
. "$(dirname "$0")/lib.sh"

control=$run/control.sock
# The guide's section on metrics, what is typed or written of it.
metrics=$(sed -n '/^## Metrics/,/^## /{s/^    //p; /^$/p}' "$source/docs/operating.md")
operator() { curl -sS --max-time 10 --unix-socket $control "http://localhost$1" 2>&1; }
inode() { stat -c '%i %a %U %G' $control; }
granted() {
  bearerctl metrics | sed -n 's/^bearerd_renewals_total{token="athena",outcome="granted"} //p'
}
has_granted() { [ "$(granted)" = "$1" ]; }
refreshed=$(sed -n 's/.*X(REFRESHED, *"\(.*\)",.*/\1/p' "$source/daemon/base/message.h")

set_up
ok "the socket is root's alone" "600 root root" "$(stat -c '%a %U %G' $control)"
ok "its unit" "active enabled" \
  "$(systemctl is-active bearerd-control.socket) $(systemctl is-enabled bearerd-control.socket)"
ok "a token" '{"access_token":*' "$(ask /v1/token)"

# --- root
ok "status" '{"version":1,*"name":"athena"*"peers":*' "$(operator /v1/status)"
ok "bearerctl shows it" "TOKEN *BUDGET*athena (default) *of 600*of * users; bearerd runs for *" \
  "$(bearerctl status)"
ok "metrics" "*bearerd_token_valid_seconds{token=\"athena\"} [1-9]*" "$(bearerctl metrics)"
ok "no token is in any of it" 0 \
  "$({ operator /v1/status; operator /metrics; bearerctl status --json; } | grep -c eyJ)"
before=$(generation)
ok "refresh" "token athena: a new one is asked for *" "$(bearerctl refresh)"
ok "... brings another token" 0 "$(until_ok 10 is_newer_than "$before"; echo $?)"
ok "... which is counted" 0 "$(until_ok 5 has_granted 2; echo $?)"
ok "... and told, with who it was" '*"BEARERD_PEER_UID":"0"*' \
  "$(journal json MESSAGE_ID="$refreshed" -n 1)"

# --- others
ok "a worker cannot connect" "*at $control: Permission denied; it is for root alone" \
  "$(as_worker bearerctl --control $control status 2>&1)"
ok "... nor refresh" "77 *for root alone" "$(as_worker sh -c 'bearerctl refresh 2>&1; echo $?' | sort | xargs)"
ok "... and has the status of workers" "TOKEN*athena (default)*" "$(as_worker bearerctl status 2>&1)"
ok "... without the budget" 0 "$(as_worker bearerctl status | grep -c BUDGET)"

# --- metrics for others
groupadd monitoring
usermod --append --groups monitoring worker
drop_in=/etc/systemd/system/bearerd-control.socket.d
mkdir -p $drop_in
sed -n '/^systemctl edit bearerd-control.socket /{s/.*# //; s/\] /]\n/; s/ and /\n/; p}' <<<"$metrics" >$drop_in/override.conf
systemctl daemon-reload
anew=$(grep '^systemctl stop bearerd bearerd-control.socket' <<<"$metrics")
eval "$anew" 2>/dev/null
ok "the guide's drop-in lets a group in" '*bearerd_token_valid_seconds{*' \
  "$(as_worker curl -sS --unix-socket $control http://localhost/metrics 2>&1)"
ok "... and nobody else" "660 root monitoring" "$(stat -c '%a %U %G' $control)"
rm -r $drop_in
systemctl daemon-reload
eval "$anew" 2>/dev/null

units=/etc/systemd/system exporter=/var/lib/prometheus/node-exporter
mkdir -p $exporter
for unit in service timer; do # sooner than the guide has it
  sed -n "\,^# $units/bearerd-metrics.$unit,,/^\$/p" <<<"$metrics" | sed 's/=15s/=1s/' >$units/bearerd-metrics.$unit
done
systemctl daemon-reload
eval "$(sed -n 's/^# .*bearerd-metrics.timer, then: //p' <<<"$metrics")" 2>/dev/null
written() { stat -c %Y $exporter/bearerd.prom; }
is_written_after() { [ "$(written)" -gt "$1" ]; }
until_ok 10 written
ok "the guide's timer writes a file for node_exporter" '*bearerd_token_valid_seconds{token="athena"} [1-9]*' \
  "$(cat $exporter/bearerd.prom)"
ok "... again and again" 0 "$(until_ok 10 is_written_after "$(written)"; echo $?)"
systemctl disable --now bearerd-metrics.timer 2>/dev/null

# --- over restarts
before=$(inode)
systemctl restart bearerd
ok "a restart leaves it as it is" "$before" "$(inode)"
ok "... and begins to count anew" 0 "$(until_ok 5 has_granted 0; echo $?)"
systemctl kill --signal=KILL bearerd.service
ok "who asks when bearerd was killed waits, and is answered" '{"version":1,*' "$(operator /v1/status)"
systemctl stop bearerd.service 2>/dev/null
ok "who asks when it is stopped starts it" '{"version":1,*' "$(operator /v1/status)"
ok "... on the same socket" "$before" "$(inode)"

# --- a wrong configuration
sed -i 's/^scope/scop/' /etc/bearerd/bearerd.conf
systemctl reload bearerd 2>/dev/null
systemctl restart bearerd
ok "with a wrong configuration there is a status" \
  '{"version":1,*"configured":false,"config_right":false,"fetch":"unix:*","tokens":\[\],*' "$(operator /v1/status)"
ok "... and bearerctl says so" "*its configuration is wrong*" "$(bearerctl status 2>&1)"
sed -i 's/^scop /scope /' /etc/bearerd/bearerd.conf
systemctl reload bearerd
ok "... until it is mended" '*"configured":true,"config_right":true,*' "$(operator /v1/status)"
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
