#!/bin/bash
# SPDX-License-Identifier: MIT
# Who passes a descriptor along with a request, which takes whoever drops it an hour, keeps nobody
# waiting, in bearerd's sandbox. The kernel refuses it (Linux 6.16), but not to who comes to systemd's
# socket before bearerd has ever been started.
. "$(dirname "$0")/lib.sh"

burden() { as_worker /usr/bin/python3 "$source/tests/e2e/burden.py" $socket 2>&1; }
threads() { sed -n 's/^Threads:\t//p' "/proc/$(show bearerd MainPID)/status"; }
is_alone() { [ "$(threads)" = 1 ]; }
# Sockets to which no bearerd has said anything, and none starts before it may.
begin_anew() {
  rm -f /run/may-start
  systemctl stop bearerd.service bearerd.socket 2>/dev/null
  systemctl start bearerd.socket
}
have_passed() { [ "$(cat /tmp/burden.* | grep -o passed | wc -l)" = "$1" ]; }

set_up
mkdir -p /etc/systemd/system/bearerd.service.d
cat >/etc/systemd/system/bearerd.service.d/start.conf <<'END_OF_DROP_IN'
[Service]
TimeoutStartSec=infinity
ExecStartPre=+/bin/sh -c 'until [ -e /run/may-start ]; do sleep 0.1; done'
END_OF_DROP_IN
systemctl daemon-reload
begin_anew
pids=()
for i in {1..30}; do
  burden >"/tmp/burden.$i" &
  pids+=($!)
done
until_ok 120 have_passed 30
ok "thirty wait at the socket, each with a descriptor, before bearerd has ever been started" 0 $?
touch /run/may-start
wait "${pids[@]}"
ok "they are told not to, and what they have passed is dropped" "     30 passed 400 dropped" \
  "$(cat /tmp/burden.* | sort | uniq --count)"
pid=$(show bearerd MainPID)
ok "others get their token" "*access_token*" "$(ask /v1/token)"
until_ok 10 is_alone
ok "no thread stays behind" 1 "$(threads)"
if printf '6.16\n%s\n' "$(uname -r)" | sort --version-sort --check=quiet; then
  ok "from then on the kernel refuses it" "refused dropped" "$(burden)"
else
  ok "so it goes on, for the kernel cannot refuse it" "passed 400 dropped" "$(burden)"
fi
ok "bearerd is the same, and has nothing to say of it" "$pid 0 " \
  "$(show bearerd MainPID) $(show bearerd NRestarts) $(journalctl --quiet _PID="$pid" -p warning -o cat)"
finish
