#!/bin/bash
# SPDX-License-Identifier: MIT
# The sockets are systemd's: who connects while bearerd is down waits, and is answered; and nothing
# that happens to bearerd or its fetches takes the sockets away.
. "$(dirname "$0")/lib.sh"

# ask_many N: that many workers at once, each a process; how many of them got a token.
ask_many() {
  as_worker bash -c '
    for i in $(seq '"$1"'); do
      curl -sS --max-time 20 --unix-socket '$socket' http://localhost/v1/token >/tmp/many.$i 2>&1 &
    done
    wait' 2>/dev/null
  grep -l '"access_token"' /tmp/many.* | wc -l
  rm -f /tmp/many.*
}
# knock N SECONDS: connects to fetch.sock as bearerd so often, and keeps each connection for a while.
knock() {
  setpriv --reuid bearerd --regid bearerd --clear-groups /usr/bin/python3 -c '
import socket, sys, time
kept = []
for i in range(int(sys.argv[1])):
    kept.append(socket.socket(socket.AF_UNIX))
    try:
        kept[-1].connect("/run/bearerd/fetch.sock")
    except OSError as error:
        print(error)
time.sleep(float(sys.argv[2]))' "$1" "$2"
}
sockets_are_alive() {
  echo "$(systemctl is-active bearerd.socket bearerd-credential.socket bearerd-control.socket bearerd-fetch.socket | xargs)" \
    "$(stat -c '%a %U %G' $socket)"
}
alive="active active active active 660 root bearer"
fetches() { systemctl list-units --all --plain --no-legend 'bearerd-fetch@*.service' | wc -l; }

set_up
ok "a token" '{"access_token":*' "$(ask /v1/token)"

# --- down, and up again
systemctl stop bearerd.service 2>/dev/null
ok "stopped alone, a connection starts it, and is answered" '{"access_token":*' "$(ask /v1/token)"
systemctl stop bearerd.service 2>/dev/null
ok "20 workers that come while it is down are answered" 20 "$(ask_many 20)"
systemctl kill --signal=KILL bearerd.service
ok "20 workers that come when it was killed are answered" 20 "$(ask_many 20)"
ask_many 20 >/tmp/answered &
meson install -C "$build" --no-rebuild >/dev/null && systemctl daemon-reload && systemctl restart bearerd
wait $!
ok "20 workers that come during an upgrade are answered" 20 "$(cat /tmp/answered)"
systemctl stop bearerd.socket bearerd-credential.socket bearerd-control.socket bearerd-fetch.socket bearerd.service
ok "stopped with its sockets, it stays down" "*connect*" "$(ask /v1/token)"
ok "... really" inactive "$(systemctl is-active bearerd)"
systemctl start bearerd
ok "started, it brings its sockets" "$alive" "$(sockets_are_alive)"
ok "... and serves" '{"access_token":*' "$(ask /v1/token)"

# --- one more socket
mkdir -p /etc/systemd/system/bearerd.socket.d
printf '[Socket]\nListenStream=/run/other.sock\n' >/etc/systemd/system/bearerd.socket.d/other.conf
before=$(generation)
systemctl daemon-reload
systemctl restart bearerd.socket
ok "sockets that are restarted cost no token" "$before" "$(generation)"
ok "a ListenStream= more is served, too" "$before" "$(socket=/run/other.sock && generation)"
rm /etc/systemd/system/bearerd.socket.d/other.conf
systemctl daemon-reload
systemctl restart bearerd.socket

# --- it dies again and again
for _ in 1 2 3 4 5 6 7 8 9 10; do
  pid=$(show bearerd MainPID)
  systemctl kill --signal=KILL bearerd.service
  until_ok 10 is_another "$pid"
done
ok "killed ten times, it serves" '{"access_token":*' "$(ask /v1/token)"
ok "... and has its sockets" "$alive" "$(sockets_are_alive)"
mkdir -p /etc/systemd/system/bearerd.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >/etc/systemd/system/bearerd.service.d/broken.conf
systemctl daemon-reload
systemctl restart --no-block bearerd
ask_many 5 >/tmp/answered &
restarted() { [ "$(show bearerd NRestarts)" -ge 5 ]; }
ok "a program that ends at once is started again and again" 0 "$(until_ok 20 restarted; echo $?)"
ok "... and takes no socket along" "$alive" "$(sockets_are_alive)"
rm /etc/systemd/system/bearerd.service.d/broken.conf
systemctl daemon-reload
wait $!
ok "... when it is mended, who waited is answered" 5 "$(cat /tmp/answered)"

# --- fetches
before=$(ask /v1/token | sed -n 's/.*"generation":\([0-9]*\).*/\1/p')
ok "300 connections at once do not end the socket of fetches" "$alive" "$(knock 300 2 >/dev/null; sockets_are_alive)"
knock 40 3 >/tmp/knocked &
most=0
while kill -0 $! 2>/dev/null; do
  running=$(fetches)
  [ "$running" -le "$most" ] || most=$running
done
ok "of 40 at once, 16 are run, and no more" 16 "$most"
none_left() { [ "$(fetches)" = 0 ]; }
ok "none of them is left behind" 0 "$(until_ok 10 none_left; echo $?)"
reload
ok "... and tokens are renewed" 0 "$(until_ok 20 is_newer_than "$before"; echo $?)"

# PID 1 holds the connection until nothing of the unit is left.
mkdir -p /etc/systemd/system/bearerd-fetch@.service.d
printf '[Service]\nExecStopPost=/bin/sleep 60\n' >/etc/systemd/system/bearerd-fetch@.service.d/lingers.conf
systemctl daemon-reload
before=$(generation)
reload
ok "a fetch's answer ends with its line, though its unit goes on" 0 "$(until_ok 20 is_newer_than "$before"; echo $?)"
ok "... as it does" 1 "$(fetches)"
systemctl kill 'bearerd-fetch@*'
rm /etc/systemd/system/bearerd-fetch@.service.d/lingers.conf

printf '[Service]\nRuntimeMaxSec=1s\n' >/etc/systemd/system/bearerd-fetch@.service.d/hung.conf
systemctl daemon-reload
standin behave -d '{"cut": "stall"}' >/dev/null
reload
ok "a fetch that hangs is ended" 0 "$(until_ok 10 status_says "*ended without an answer*"; echo $?)"
ok "... and not left behind" 0 "$(until_ok 10 none_left; echo $?)"
standin normal -X POST >/dev/null
ok "no unit has failed" "" "$(systemctl --failed --no-legend --plain)"
finish
