#!/bin/bash
# SPDX-License-Identifier: MIT
# The control socket, as systemd makes it: for root alone, and there over restarts.
. "$(dirname "$0")/lib.sh"

control=$run/control.sock
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
mkdir -p /run/systemd/system/bearerd-control.socket.d
printf '[Socket]\nSocketMode=0660\nSocketGroup=bearer\n' >/run/systemd/system/bearerd-control.socket.d/group.conf
systemctl daemon-reload
systemctl stop bearerd.service bearerd-control.socket 2>/dev/null
systemctl start bearerd.service
ok "a drop-in lets a group in" '{"version":1,*' \
  "$(as_worker curl -sS --unix-socket $control http://localhost/v1/status 2>&1)"
rm -r /run/systemd/system/bearerd-control.socket.d
systemctl daemon-reload
systemctl stop bearerd.service bearerd-control.socket 2>/dev/null
systemctl start bearerd.service

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
